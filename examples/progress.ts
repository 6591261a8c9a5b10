// A job of ten seconds that reports its progress, then ends. In the page, a plain
// new EventSource('/progressfeed') is enough: it runs the job once and then stops for good.
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { ServerSentEvent, SseRouter } from 'koa-eventfeed'

const STEPS = 20
const sse = new SseRouter()
let runs = 0

/** How many steps a client that comes back has already seen. Anything that is no step counts as none. */
function stepsSeen(lastEventId: string | undefined): number {
  const step = Number(lastEventId)
  return Number.isInteger(step) && step > 0 ? step : 0
}

sse.streamGen(
  '/progressfeed',
  async function* ({ signal, lastEventId }) {
    const seen = stepsSeen(lastEventId)
    if (seen === 0) runs++
    for (let step = seen + 1; step <= STEPS; step++) {
      await setTimeout(500, undefined, { signal })
      yield new ServerSentEvent({ progress: (step * 100) / STEPS }, { id: step })
    }
  },
  { retry: 1_000 },
)
sse.get('/runs', ctx => {
  ctx.body = { runs }
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
