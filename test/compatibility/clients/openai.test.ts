import { describe, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import type { Stream } from 'openai/streaming'
import { Gallery } from './gallery.js'
import { recipeServers } from './recipes.js'
import { packageVersion } from './versions.js'

interface Chunk {
  choices: { delta: { content?: string | null } }[]
}

const wordsOf = ({ choices }: Chunk) => choices[0]?.delta.content ?? ''

describe(`openai ${packageVersion('openai')}`, () => {
  const gallery = new Gallery()
  const serve = recipeServers()
  const client = (baseURL: string) => new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
  const ask = (prompt: string) =>
    client(`${gallery.url}/tokens`).post<Stream<Chunk>>('/chat', { body: { prompt }, stream: true })

  test('reads the token stream piece by piece, and stops the generator when it no longer reads', async () => {
    const pieces: string[] = []
    for await (const chunk of await ask('größer?')) {
      pieces.push(wordsOf(chunk))
      if (pieces.length === 6) break
    }
    expect(pieces).toEqual(['You', ' asked:', ' “größer?”', ' Each', ' word', ' of'])
    await gallery.served.seen('/tokens/chat')[0]?.over
  })

  test('the recipe, read to its [DONE]: chat.completions.create() with stream: true', async () => {
    const { chat } = client(`http://127.0.0.1:${await serve('The openai package')}/v1`)
    const messages = [{ role: 'user' as const, content: 'to be\nor not' }]
    const stream = await chat.completions.create({ model: 'mine', messages, stream: true })
    const pieces: string[] = []
    for await (const chunk of stream) pieces.push(wordsOf(chunk))
    expect(pieces).toEqual(['You', ' asked: ', 'to be\nor not', ''])
  })
})
