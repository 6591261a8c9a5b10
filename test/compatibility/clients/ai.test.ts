import { describe, expect, test } from '@jest/globals'
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai'
import { recipeServers } from './recipes.js'
import { packageVersion } from './versions.js'

const TITLE = 'The AI SDK'

describe(`ai ${packageVersion('ai')}, its DefaultChatTransport`, () => {
  const serve = recipeServers()
  const transport = async () => new DefaultChatTransport({ api: `http://127.0.0.1:${await serve(TITLE)}/api/chat` })

  async function ask(text: string): Promise<UIMessage[]> {
    const messages: UIMessage[] = [{ id: '1', role: 'user', parts: [{ type: 'text', text }] }]
    const options = { trigger: 'submit-message', messageId: undefined, abortSignal: undefined } as const
    const stream = await (await transport()).sendMessages({ ...options, chatId: 'chat', messages })
    const states: UIMessage[] = []
    for await (const state of readUIMessageStream({ stream, terminateOnError: true })) states.push(state)
    return states
  }

  test('the recipe: it reads the answer piece by piece, in several lines and UTF-8, to its [DONE]', async () => {
    const texts = (await ask('größer\n日本語')).map(({ parts }) =>
      parts.map(part => 'text' in part && part.text).join(''),
    )
    expect(texts).toEqual(expect.arrayContaining(['You', 'You asked: ', 'You asked: größer\n日本語']))
  })

  test('the recipe: a reconnect is told by 204 that there is nothing to resume', async () => {
    expect(await (await transport()).reconnectToStream({ chatId: 'chat' })).toBeNull()
  })
})
