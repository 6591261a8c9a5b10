import { Cluster, Redis } from 'ioredis'
import {
  type Entry,
  type Message,
  type Plugin,
  type Position,
  PubSub,
  type ReadResult,
  type Relay,
  type ResetReason,
  SseRouter,
} from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { type RedisPluginOptions, redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { exactly } from './exactly.js'

exactly<Plugin>()(mittPlugin())
mittPlugin({ history: { count: 10, size: undefined } })
// @ts-expect-error: bounds, not a number
mittPlugin({ history: 10 })
// @ts-expect-error: an option of redisPlugin
mittPlugin({ url: 'redis://localhost' })

exactly<Plugin>()(redisPlugin())
exactly<Plugin>()(redisPlugin({ url: process.env.REDIS_URL, redis: { tls: {} }, prefix: 'a:', verify: 1_000 }))
redisPlugin({ client: new Redis({ lazyConnect: true }), history: { count: 10, age: undefined } })
redisPlugin({ client: new Cluster([{ host: 'localhost' }]) })
redisPlugin({ cluster: { nodes: [{ host: 'localhost', port: 7_000 }], options: { scaleReads: 'master' } } })
exactly<string | undefined>()(({} as RedisPluginOptions).prefix)
// @ts-expect-error: of mittPlugin
redisPlugin({ history: { size: 10 } })
// @ts-expect-error: text
redisPlugin({ url: new URL('redis://localhost') })
// @ts-expect-error: a client of ioredis
redisPlugin({ client: {} })

exactly<Relay>()(redisPubSubPlugin({ format: 'flask-sse', prefix: '', heartbeat: 1_000 }))
// @ts-expect-error: raw or flask-sse
redisPubSubPlugin({ format: 'json' })
// @ts-expect-error: it keeps none
redisPubSubPlugin({ history: { count: 10 } })

// A plugin of anybody's: its parameters are typed by the contract.
const position: Position = { epoch: 'e', offset: 1, parent: 'aaaa', tag: 'bbbb' }
const plugin: Plugin = {
  name: 'own',
  async publish(channel, message) {
    exactly<string>()(channel)
    exactly<Message>()(message)
    return position
  },
  async subscribe(_channel, deliver, lost) {
    exactly<(entry: Entry) => void>()(deliver)
    exactly<() => void>()(lost)
    return () => {}
  },
  async read(_channel, after, limit) {
    exactly<Position | undefined>()(after)
    exactly<number>()(limit)
    return { ok: false, reason: 'trimmed', top: position }
  },
  async close() {},
}
const relay: Relay = { name: 'own', publish: async () => {}, subscribe: async () => () => {}, close: async () => {} }
new SseRouter({ plugin })
new PubSub({ plugin: relay })
// @ts-expect-error: what keeps a history says where each event is
new PubSub({ plugin: { ...plugin, publish: async () => {} } })
// @ts-expect-error: without close it could not be ended
new PubSub({ plugin: { name: 'own', publish: relay.publish, subscribe: relay.subscribe } })

export function missed(result: ReadResult): readonly Entry[] {
  if (result.ok) return result.entries
  exactly<ResetReason>()(result.reason)
  // @ts-expect-error: what cannot be had is not there
  return result.entries
}
