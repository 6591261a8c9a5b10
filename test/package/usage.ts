import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { ServerSentEvent, SseRouter, type StreamRequest } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'

async function* progress({ signal, lastEventId, ctx }: StreamRequest): AsyncGenerator<ServerSentEvent> {
  for (let percent = Number(lastEventId ?? 0); percent <= 100; percent += 5) {
    await setTimeout(500, undefined, { signal })
    yield new ServerSentEvent({ percent, path: ctx.path }, { event: 'progress', id: percent })
  }
}

const sse = new SseRouter({ prefix: '/sse' })
sse.streamFunc('/clock', () => new Date().toISOString(), { interval: 1_000 })
sse.streamGen('/progress', progress, { methods: ['GET', 'POST'] })
sse.streamGen('/inline', async function* ({ signal }) {
  while (!signal.aborted) yield 'a plain value is data'
})
sse.streamGen(
  '/jobs/:id',
  async function* ({ key, position }) {
    for (let step = position; step < 10; step += 1) yield key.repeat(step)
  },
  { share: ctx => ctx.params.id as string, resumable: true },
)
// @ts-expect-error: only a shared source has a key
sse.streamFunc('/keyless', ({ key }) => key)
export const app = new Koa().use(sse.routes()).use(sse.allowedMethods())

export async function firstTick(): Promise<string> {
  await using stream = await openStream(app, { path: '/sse/clock' })
  const [tick] = await stream.take(1)
  return tick?.data ?? ''
}

export const closed: Promise<void> = sse.close()
