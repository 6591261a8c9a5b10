// Answers a prompt word by word, in the format that chat clients of language models read. The model runs once, whoever
// reads: a page that is reloaded in the middle of a sentence goes on there.
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { type SharedRequest, SseRouter } from 'koa-eventfeed'
import { channelsOf, storeOf } from './plugin.js'

// Where a real model would think.
const ANSWER =
  'Each word of this answer is an event of its own, sent as soon as it is known. Reload the page now: the sentence goes on in the middle, and the model has run once. Open the address in another browser, and it reads the same answer, from its first word. Put your model here instead.'
const HOUR = 3_600_000
const path = '/answers/:id'
const prompts = storeOf('tokens', HOUR)
export const sse = new SseRouter({ plugin: channelsOf('tokens') })
let runs = 0

function promptOf(ctx: Context): string {
  const prompt = (ctx.request.body as { prompt?: unknown } | undefined)?.prompt
  if (typeof prompt === 'string' && prompt.trim() !== '') return prompt
  return ctx.throw(400, 'Send JSON with a prompt: {"prompt": "Hello"}')
}

/** @param said How many words are out already: more than 0 where another process has died. */
async function* answer(prompt: string, signal: AbortSignal, said = 0) {
  if (said === 0) runs++
  const words = `You asked: “${prompt}” ${ANSWER}`.match(/\s*\S+/g) ?? []
  for (const content of words.slice(said)) {
    await setTimeout(60, undefined, { signal })
    yield { choices: [{ delta: { content } }] }
  }
}

async function known(ctx: Context): Promise<string> {
  const { id } = ctx.params
  return (await prompts.get(id)) === undefined ? ctx.throw(404, 'There is no such answer') : id
}

sse.post('/answers', async ctx => {
  const id = randomUUID()
  await prompts.set(id, promptOf(ctx))
  ctx.status = 201
  ctx.set('Location', `${ctx.mountPath ?? ''}/answers/${id}`)
  ctx.body = { id }
})
const open = async ({ key, signal, position }: SharedRequest) =>
  answer((await prompts.get(key)) ?? '', signal, position)
sse.streamGen(path, open, { share: known, detached: true, resumable: true, keep: HOUR, retry: 1_000 })
sse.delete(path, async ctx => {
  await sse.cancel(await known(ctx), path)
  ctx.status = 204
})

// For clients that read the answer from the response to the POST, and need no more than that.
async function* chat(prompt: string, signal: AbortSignal) {
  yield* answer(prompt, signal)
  yield '[DONE]'
}
sse.streamGen('/chat', ({ ctx, signal }) => chat(promptOf(ctx), signal), { methods: ['POST'], end: false })
sse.get('/runs', ctx => {
  ctx.body = { runs }
})

export const app = new Koa()
app.use(bodyParser()).use(sse.routes()).use(sse.allowedMethods())
