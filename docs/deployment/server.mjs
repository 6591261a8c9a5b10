import Koa from 'koa'
import { readiness, SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'

const sse = new SseRouter({ prefix: '/sse', plugin: redisPlugin() }) // at REDIS_URL
sse.pubSub('/news', { retry: 1_000 })
const { PUBLISH_KEY: key } = process.env
sse.publisher('/publish', { authorize: ctx => !!key && ctx.get('X-Key') === key })

const app = new Koa({ proxy: true }) // ctx.ip and ctx.protocol are what the proxy's headers say
app.on('error', error => console.error(error.code ?? '', error.message))
const isReady = readiness(sse)
app.use((ctx, next) => (ctx.path === '/health' ? isReady(ctx, next) : next()))
app.use(sse.routes()).use(sse.allowedMethods())

await sse.ready()
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')

process.once('SIGTERM', async () => {
  server.close() // nobody new: proxies go to the other servers
  await sse.close({ within: 5_000 }) // ends the streams one after another: their clients come back, and go on elsewhere
})
