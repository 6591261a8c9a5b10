// An endless generator: every client gets its own count, one message every two seconds.
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'

export const sse = new SseRouter()

sse.streamGen('/sse', async function* ({ signal }) {
  for (let count = 0; ; count++) {
    yield `message counter - ${count}`
    await setTimeout(2_000, undefined, { signal })
  }
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
