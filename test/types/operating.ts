import type { Middleware } from 'koa'
import {
  type Activity,
  type ChannelStats,
  type ConnectionStats,
  type EndReason,
  liveness,
  PubSub,
  type RunStats,
  readiness,
  SseRouter,
  type Stats,
  streamGen,
} from 'koa-eventfeed'
import { type Subscription, subscriptionTokens } from 'koa-eventfeed/plugins/jose'
import { collectMetrics } from 'koa-eventfeed/plugins/prom-client'
import { Registry } from 'prom-client'
import { exactly } from './exactly.js'

const sse = new SseRouter({
  maxConnections: 10,
  connectionKey: ctx => ctx.state.user,
  overload: 503,
  retryAfter: 1_000,
})

// Limits.
streamGen([1], { maxConnectionsPerKey: 2, connectionKey: () => undefined, overload: 'retry', maxDuration: 60_000 })
sse.publisher('/publish', { rate: 10, rateKey: ctx => ctx.ip, crossSite: false })
sse.pubSub('/news', { maxChannels: 1 })
// @ts-expect-error: a number
new SseRouter({ maxConnections: '10' })
// @ts-expect-error: retry, 429 or 503
streamGen([1], { overload: 500 })
// @ts-expect-error: a key is text
streamGen([1], { connectionKey: ctx => ctx.state.id as number })
// @ts-expect-error: no function
sse.publisher('/publish', { rateKey: 'ip' })

// Access over time.
streamGen([1], { authorize: () => new Date(Date.now() + 60_000) })
sse.pubSub('/news', { authorize: async () => new Date() })
// @ts-expect-error: a date, not milliseconds
streamGen([1], { authorize: () => Date.now() })
exactly<Promise<number>>()(sse.disconnect({ key: 'ada', channel: 'news' }))
// @ts-expect-error: the key is meant
sse.disconnect({ user: 'ada' })

const tokens = subscriptionTokens({ secret: process.env.SECRET, expiresIn: 60_000, cookie: { sameSite: 'lax' } })
exactly<Promise<string>>()(tokens.sign({ channels: ['news'], subject: 'ada' }))
exactly<Promise<Subscription | undefined>>()(tokens.verify('token'))
sse.pubSub('/:channel', { authorize: tokens.authorize })
// @ts-expect-error: a token is for some channels
tokens.sign({ subject: 'ada' })
// @ts-expect-error: there must be a secret
subscriptionTokens({})
// @ts-expect-error: its authorize is told of channels, which only pubSub has
streamGen([1], { authorize: tokens.authorize })

// Closing, and what is asked of a process.
exactly<Promise<void>>()(sse.close({ within: 10_000 }))
exactly<boolean>()(sse.closing)
exactly<Middleware>()(liveness())
exactly<Middleware>()(readiness(sse, { plugin: false }))
// @ts-expect-error: a router, which knows whether it is closing
readiness(new PubSub())

// What happens inside.
exactly<Stats>()(sse.stats())
exactly<readonly RunStats[]>()(sse.stats().runs)
exactly<number | undefined>()(sse.stats().ended.expired)
exactly<Iterable<ConnectionStats>>()(sse.connections())
exactly<Iterable<ChannelStats>>()(sse.channels())
exactly<boolean>()(sse.end(1))
exactly<Activity>()(sse.activity)
const undo = sse.activity.on('disconnect', ({ connection, reason }) => {
  exactly<ConnectionStats>()(connection)
  exactly<EndReason>()(reason)
})
exactly<() => void>()(undo)
// @ts-expect-error: an event of Activity
sse.activity.on('close', () => {})
// @ts-expect-error: publish tells of no connection
sse.activity.on('publish', ({ connection }) => connection)

exactly<() => void>()(collectMetrics(sse, { register: new Registry(), prefix: 'sse_', router: 'chat' }))
// @ts-expect-error: a registry
collectMetrics(sse, { register: 'default' })
// @ts-expect-error: a router
collectMetrics(new PubSub())
