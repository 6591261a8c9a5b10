// A server whose streams have keys: whoever `?user=` names.
import { once } from 'node:events'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { answer, options, tell } from './answer.mjs'

const sse = new SseRouter({ plugin: redisPlugin(options.plugin), connectionKey: ({ query }) => query.user })
sse.pubSub('/')

const app = new Koa()
app.on('error', ({ code, message }) => tell('error', { code, message }))
app.use(sse.routes())
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

answer({
  publish: (channel, data) => sse.publish(data, { channel }),
  disconnect: picked => sse.disconnect(picked),
  disconnectHere: user => sse.disconnect(({ query }) => query.user === user),
  disconnected: () => sse.stats().ended.disconnected ?? 0,
  receiving: () => sse.health().receiving,
})
tell('ready', server.address().port)
