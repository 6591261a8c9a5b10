// A server: an app with channels over Redis, as a user would write it.
import { once } from 'node:events'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { answer, options, tell } from './answer.mjs'

const { port = 0, plugin, limits } = options
const sse = new SseRouter({ plugin: redisPlugin(plugin), ...limits })
sse.pubSub('/:channel', { keepAlive: 500, retry: 100 })

const app = new Koa()
app.on('error', ({ code, message }) => tell('error', { code, message }))
app.use(sse.routes()).use(sse.allowedMethods())
const server = app.listen(port, '127.0.0.1')
await once(server, 'listening')

const health = () => {
  const { publishing, receiving, error } = sse.health()
  return { publishing, receiving, code: error?.code }
}
const close = async () => {
  const closed = once(server.close(), 'close')
  await sse.close()
  await closed
  process.exit()
}

process.once('SIGTERM', close)
answer({ health, channels: () => sse.pubsub.channels })
tell('ready', server.address().port)
