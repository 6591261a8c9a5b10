// A server as a user would run several of, behind a load balancer. SIGTERM drains it; that it ends then is its own doing.

import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { readiness, SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'

const { PORT, REDIS_URL, WITHIN, LAST } = process.env
const sse = new SseRouter({ plugin: redisPlugin({ url: REDIS_URL }) })
sse.get('/', ctx => {
  ctx.body = '<!doctype html><link rel="icon" href="data:,">'
})
sse.get('/health', readiness(sse))
sse.pubSub('/feed')

async function* job({ position, signal }) {
  for (let n = position + 1; n <= Number(LAST); n++) {
    await setTimeout(20, undefined, { signal })
    yield { channel: 'job', n, by: process.pid }
  }
}
sse.streamGen('/job', job, { share: true, detached: true, resumable: true, lease: 600 })

const app = new Koa({ proxy: true })
app.on('error', error => console.error(error))
app.use(sse.routes()).use(sse.allowedMethods())
await sse.ready()
const server = app.listen(Number(PORT), '127.0.0.1')

process.once('SIGTERM', async () => {
  await sse.close({ within: Number(WITHIN) })
  server.close()
})

// If who has started it dies, it is not to stay.
process.stdin
  .once('end', () => process.exit(1))
  .resume()
  .unref()
