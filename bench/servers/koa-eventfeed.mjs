// This project, with the options that it has by itself: history, positions, resume and bounds for slow clients are on.
import process from 'node:process'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { generate, HELLO, ready } from './kit.mjs'

// Only the measurement of long histories sets these.
const { history, ...limits } = JSON.parse(process.env.BENCH_LIMITS ?? '{}')
const sse = new SseRouter({ ...limits, ...(history && { plugin: mittPlugin({ history }) }) })
sse.pubSub('/events', { channel: '0' })
sse.pubSub('/channels/:channel')
sse.streamGen('/gen', ({ ctx }) => generate(ctx.url))
sse.streamGen('/hello', async function* ({ signal }) {
  yield HELLO
  await new Promise(resolve => signal.addEventListener('abort', resolve))
})
const app = new Koa()
app.silent = true
const server = app.use(sse.routes()).listen(0, '127.0.0.1', () => {
  ready(server.address().port, (message, channel) => sse.publish(message, { channel: String(channel) }))
})
