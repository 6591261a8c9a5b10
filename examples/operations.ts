// What someone sees and does who runs this: /dashboard/ shows the streams of this example, /metrics is for Prometheus.
import Koa, { type Context } from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { collectMetrics } from 'koa-eventfeed/plugins/prom-client'
import { Registry } from 'prom-client'
import { channelsOf } from './plugin.js'

const COINS = ['ada', 'grace', 'linus']
const limits = { maxConnections: 1_000, maxConnectionsPerKey: 50 }
export const sse = new SseRouter({ plugin: channelsOf('operations'), ...limits })
const register = new Registry()
collectMetrics(sse, { register })

// Each coin has a channel of its own.
const prices = new Map(COINS.map(coin => [coin, 100]))
setInterval(() => {
  const watched = new Set([...sse.channels()].map(({ name }) => name))
  for (const [coin, price] of prices) {
    if (!watched.has(coin)) continue // nobody is there
    const next = Math.max(1, Math.round(price * (0.98 + 0.04 * Math.random()) * 100) / 100)
    prices.set(coin, next)
    sse.publish({ coin, price: next }, { channel: coin }).catch(() => {}) // health() tells it
  }
}, 500).unref()

// Yours asks who the user is. This one shows it on this machine only.
const LOCAL = ['127.0.0.1', '::1', '::ffff:127.0.0.1']
const isHere = ({ ip, headers }: Context) => LOCAL.includes(ip) && headers['x-forwarded-for'] === undefined

sse.pubSub('/prices', { channel: COINS, maxDuration: 3_600_000, retry: 1_000 })
sse.dashboard('/dashboard', { authorize: isHere })
sse.get('/metrics', async ctx => {
  ctx.type = register.contentType
  ctx.body = await register.metrics()
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
