// What carries the examples' channels: this process, or the Redis that SSE_REDIS_URL or REDIS_URL names.
import { Redis } from 'ioredis'
import type { Plugin, Relay } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type FormatName, redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'

const { SSE_REDIS_URL, REDIS_URL } = process.env
const plugins = new Map<string, Plugin | Relay>()

/** Where Redis is; undefined if the examples do without. */
export const redisUrl = SSE_REDIS_URL || REDIS_URL || undefined

/** For what an example keeps in Redis besides its channels. It connects when it is used. */
export const redis = redisUrl
  ? new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 0, commandTimeout: 2_000 })
  : undefined
redis?.on('error', () => {}) // who calls it is told

/** The plugin of one example, in Redis with a prefix of its own; `history` is what each of its channels keeps: entries, milliseconds. */
export function channelsOf(example: string, history: { count?: number; age?: number } = {}): Plugin {
  const plugin = redisUrl ? redisPlugin({ prefix: `examples:${example}:`, history }) : mittPlugin({ history })
  plugins.set(example, plugin)
  return plugin
}

/** The plugin of an example whose channels other programs share, which `PUBLISH` and `SUBSCRIBE` in a format of theirs. */
export function relayOf(example: string, format: FormatName, prefix = ''): Plugin | Relay {
  const plugin = redisUrl ? redisPubSubPlugin({ format, prefix }) : mittPlugin()
  plugins.set(example, plugin)
  return plugin
}

/** What an example keeps besides its channels. */
export interface Store {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<unknown>
}

/** Keeps each value for `age` milliseconds, in Redis where all processes find it. */
export function storeOf(example: string, age: number): Store {
  if (redis) {
    const name = (key: string) => `examples:${example}:kept:${key}`
    return {
      get: async key => (await redis.get(name(key))) ?? undefined,
      set: (key, value) => redis.set(name(key), value, 'PX', age),
    }
  }
  const memory = new Map<string, string>()
  return {
    get: async key => memory.get(key),
    set: async (key, value) => {
      memory.set(key, value)
      setTimeout(() => memory.delete(key), age).unref()
    },
  }
}

/** The name of the plugin that carries an example's channels; undefined if it has none. */
export function nameOf(example: string): string | undefined {
  return plugins.get(example)?.name
}

/** Resolves once all of them work; rejects with why one does not. */
export async function ready(): Promise<void> {
  await Promise.all([...plugins.values()].map(plugin => plugin.ready?.()))
}

/** Whether all of them work now, and `redis`. */
export function isHealthy(): boolean {
  if (redis && !['wait', 'ready'].includes(redis.status)) return false
  const conditions = [...plugins.values()].map(plugin => plugin.health?.())
  return conditions.every(condition => condition === undefined || (condition.publishing && condition.receiving))
}

/** Closes what the examples have opened: afterwards this process can end by itself. */
export async function close(): Promise<void> {
  redis?.disconnect()
  await Promise.all([...plugins.values()].map(plugin => plugin.close()))
}
