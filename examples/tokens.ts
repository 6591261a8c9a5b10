// Answers a prompt piece by piece, in the format that chat clients of language models read.
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { SseRouter } from 'koa-eventfeed'

// Where a real model would think.
const ANSWER =
  'Each word of this answer is an event of its own, sent as soon as it is known. Put your model here instead.'
const sse = new SseRouter()

function promptIn(body: unknown): string | undefined {
  const prompt = (body as { prompt?: unknown } | undefined)?.prompt
  return typeof prompt === 'string' && prompt.trim() !== '' ? prompt : undefined
}

async function* answer(prompt: string, signal: AbortSignal) {
  const text = `You asked: “${prompt}” ${ANSWER}`
  for (const content of text.match(/\s*\S+/g) ?? []) {
    await setTimeout(40, undefined, { signal })
    yield { choices: [{ delta: { content } }] }
  }
  yield '[DONE]'
}

sse.streamGen(
  '/chat',
  ({ ctx, signal }) => {
    const prompt = promptIn(ctx.request.body) ?? ctx.throw(400, 'Send JSON with a prompt: {"prompt": "Hello"}')
    return answer(prompt, signal)
  },
  { methods: ['POST'], end: false },
)

export const app = new Koa()
app.use(bodyParser()).use(sse.routes()).use(sse.allowedMethods())
