import type { Cluster, Redis } from 'ioredis'
import { knownNames, oneOf, wrong } from '../../src/checks.js'
import { SseError } from '../../src/errors.js'
import type { Message } from '../../src/event.js'
import type { Relay } from '../../src/plugin.js'
import { attempt } from '../ioredis/attempt.js'
import { Connection } from '../ioredis/connection.js'
import { CONNECTION_OPTIONS, type RedisConnectionOptions } from '../ioredis/options.js'
import { clientFor } from '../ioredis/owner.js'
import { FORMATS, type FormatName } from './format.js'

export type { RedisConnectionOptions } from '../ioredis/options.js'
export type { FormatName } from './format.js'

/** Options of `redisPubSubPlugin`. */
export interface RedisPubSubPluginOptions extends RedisConnectionOptions {
  /**
   * How others write messages: `raw`, where the message is the data, or `flask-sse`, where it is a JSON object with `data` and perhaps
   * `type`, `id` and `retry`.
   * @default 'raw'
   */
  format?: FormatName | undefined
  /**
   * Put before the names of channels.
   * @default ''
   */
  prefix?: string | undefined
}

/**
 * Carries channels over Redis' plain PUBLISH and SUBSCRIBE, for a Redis that others write to: at most once, without history. Streams
 * have no ids of their own, and that the connection broke off is told to clients as `stream-reset`. Connects when it is used.
 * @throws TypeError or RangeError for options that cannot be used; or that do not say where Redis is, where the environment does not
 * either.
 * @see https://redis.io/docs/latest/develop/interact/pubsub/
 */
export function redisPubSubPlugin(options: RedisPubSubPluginOptions = {}): Relay {
  knownNames('redisPubSubPlugin', [...CONNECTION_OPTIONS, 'format', 'prefix'], options)
  const { prefix = '', format: name = 'raw' } = options
  if (typeof prefix !== 'string') throw wrong('prefix', 'a text', prefix)
  const format = FORMATS[oneOf('format', name, ['raw', 'flask-sse'])]
  const probe = (client: Redis | Cluster) => client.ping()
  const connection = new Connection(options, { plugin: 'redisPubSub', kind: 'plain', probe, change: probe })
  const { commands, receiver, timeout } = connection

  // What others write is not to be trusted, and no reason to stop.
  const decoded = (channel: string, text: string): Message | undefined => {
    try {
      return format.decode(text)
    } catch (cause) {
      const message = `What was received on channel '${channel}' is no message in the format '${name}': it was left out`
      connection.failed(new SseError('ERR_SSE_MESSAGE', message, { cause }))
      return undefined
    }
  }

  return {
    name: 'redis-pubsub',
    async publish(channel, message) {
      const text = format.encode(message)
      const name = prefix + channel
      const send = () => clientFor(name, commands.client).publish(name, text) // one node, or the order would be lost
      await connection.noting(attempt(commands, { timeout, changes: true, repeatable: false }, send))
    },
    async subscribe(channel, deliver, lost) {
      const receive = (text: string) => {
        const message = decoded(channel, text)
        if (message) deliver(message)
      }
      const listener = { message: receive, lost }
      await receiver.add(prefix + channel, listener)
      return () => receiver.remove(prefix + channel, listener)
    },
    ready: () => connection.ready(),
    health: () => connection.health(),
    watch: failed => connection.watch(failed),
    async close() {
      connection.close()
    },
  }
}
