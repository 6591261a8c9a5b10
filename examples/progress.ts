// A job of ten seconds that reports its progress, then ends. In the page, a plain new EventSource('/progressfeed') is
// enough: all who watch see one job, and who loses the connection or reloads the page goes on where it was.
// /progressfeed?job=mine is a job of its own.
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { type SharedRequest, SseRouter } from 'koa-eventfeed'
import { channelsOf } from './plugin.js'

const STEPS = 20
export const sse = new SseRouter({ plugin: channelsOf('progress') })
let runs = 0

/** @param position How many steps are done already: more than 0 where another process has died. */
async function* work({ signal, position }: SharedRequest) {
  if (position === 0) runs++
  for (let step = position + 1; step <= STEPS; step++) {
    await setTimeout(500, undefined, { signal })
    yield { progress: (step * 100) / STEPS }
  }
}

sse.streamGen('/progressfeed', work, {
  share: ctx => new URLSearchParams(ctx.querystring).get('job') ?? '',
  resumable: true,
  retry: 1_000,
})
sse.get('/runs', ctx => {
  ctx.body = { runs }
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
