// This project with its metrics on, which are asked for every second: fifteen times as often as Prometheus does by itself.
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { collectMetrics } from 'koa-eventfeed/plugins/prom-client'
import { register } from 'prom-client'
import { ready } from './kit.mjs'

const sse = new SseRouter()
sse.pubSub('/events', { channel: '0' })
collectMetrics(sse)
for (let n = 0; n < 50; n++) await register.metrics() // as in a process that has run for a while
setInterval(() => register.metrics(), 1_000)
const app = new Koa()
app.silent = true
const server = app.use(sse.routes()).listen(0, '127.0.0.1', () => {
  ready(server.address().port, (message, channel) => sse.publish(message, { channel: String(channel) }))
})
