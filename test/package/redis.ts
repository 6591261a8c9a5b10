import { Redis } from 'ioredis'
import { type Health, PubSub, type Relay, SseError, SseRouter } from 'koa-eventfeed'
import { type RedisPluginOptions, redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'

const options: RedisPluginOptions = { url: 'redis://localhost', redis: { tls: {} }, history: { count: 10, age: 1_000 } }
const client = new Redis({ maxRetriesPerRequest: 0, lazyConnect: true })
export const routers: SseRouter[] = [
  new SseRouter({ plugin: redisPlugin(options) }),
  new SseRouter({ plugin: redisPlugin({ client }) }),
  new SseRouter({ plugin: redisPlugin({ cluster: { nodes: [{ host: 'localhost', port: 7_000 }] } }) }),
]
const relay: Relay = redisPubSubPlugin({ format: 'flask-sse' })
export const pubsub: PubSub = new PubSub({ plugin: relay })
export const health: Health = pubsub.health()

export async function publish(): Promise<string> {
  try {
    return await pubsub.publish({ hello: 'world' })
  } catch (error) {
    return error instanceof SseError ? error.code : 'unknown'
  }
}
