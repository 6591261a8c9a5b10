import Koa = require('koa')
import koaEventfeed = require('koa-eventfeed')
import testing = require('koa-eventfeed/testing')

const sse = new koaEventfeed.SseRouter({ prefix: '/sse' })
sse.streamFunc('/clock', () => new Date().toISOString(), { interval: 1_000 })
sse.streamGen('/progress', async function* ({ signal }) {
  while (!signal.aborted) yield new koaEventfeed.ServerSentEvent({ percent: 5 }, { event: 'progress', id: '5' })
})
const app = new Koa().use(sse.routes()).use(sse.allowedMethods())

testing.openStream(app, { path: '/sse/clock' }).then(async (stream: testing.TestStream) => {
  const events: testing.TestEvent[] = await stream.take(1)
  console.log(events[0]?.data)
  await stream.close()
  await sse.close()
})
