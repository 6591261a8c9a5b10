// One announcement reaches whoever listens: curl -N localhost:3000/listen, and elsewhere curl localhost:3000/ping
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { channelsOf } from './plugin.js'

const channel = 'announcements'
export const sse = new SseRouter({ plugin: channelsOf('announcer') })

sse.get('/', ctx => {
  ctx.body = 'Hello, World!'
})
sse.get('/ping', async ctx => {
  await sse.publish('pong', { channel })
  ctx.body = {}
})
sse.pubSub('/listen', { channel, retry: 1_000 })

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
