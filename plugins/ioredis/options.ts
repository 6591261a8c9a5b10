import process from 'node:process'
import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { MAX_TIMEOUT, positive, wrong } from '../../src/checks.js'

/** How Redis is reached: by `url`, `redis`, `cluster` or `client`; without any of them by the environment. */
export interface RedisConnectionOptions {
  /**
   * `redis://user:password@host:6379/0`, or `rediss:` for TLS.
   * @default the environment's SSE_REDIS_URL, else its REDIS_URL
   */
  url?: string | undefined
  /** Options of ioredis, alone (`host`, `path`, `sentinels` …) or besides a URL (`tls` …). */
  redis?: RedisOptions | undefined
  /** A Redis Cluster: some of its nodes, and options of ioredis' `Cluster`. Channels use sharded Pub/Sub: Redis 7 or later. */
  cluster?: { readonly nodes: readonly ClusterNode[]; readonly options?: ClusterOptions | undefined } | undefined
  /**
   * A client of ioredis that is used to publish and to read, and is never closed; another connection is made like it, to receive. It
   * must not send again what may have been executed: make it with `maxRetriesPerRequest: 0` or `autoResendUnfulfilledCommands: false`
   * (a cluster with `retryDelayOnFailover: 0`).
   */
  client?: Redis | Cluster | undefined
  /**
   * Milliseconds within which a call is done or rejects.
   * @default 5_000
   */
  timeout?: number | undefined
  /**
   * Milliseconds between two probes of a connection. One that answers nothing for as long is given up and made anew.
   * @default 5_000
   */
  heartbeat?: number | undefined
}

/** Where Redis is, checked. */
export type Place =
  | { readonly kind: 'redis'; readonly url: string | undefined; readonly options: RedisOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly ClusterNode[]; readonly options: ClusterOptions }
  | { readonly kind: 'client'; readonly client: Redis | Cluster }

export interface Times {
  readonly timeout: number
  readonly heartbeat: number
}

/** The names of the options above. */
export const CONNECTION_OPTIONS = ['url', 'redis', 'cluster', 'client', 'timeout', 'heartbeat']

/** @throws TypeError or RangeError for a value that cannot be used. */
export function timesOf({ timeout = 5_000, heartbeat = 5_000 }: RedisConnectionOptions): Times {
  return {
    timeout: positive('timeout', timeout, MAX_TIMEOUT),
    heartbeat: positive('heartbeat', heartbeat, MAX_TIMEOUT),
  }
}

/** @throws TypeError if the options do not say where Redis is, or say it twice. */
export function placeOf(taker: string, options: RedisConnectionOptions): Place {
  const { url, redis, cluster, client } = options
  const ways = Object.entries({ [url === undefined ? 'redis' : 'url']: url ?? redis, cluster, client })
  const given = ways.filter(([, value]) => value !== undefined).map(([name]) => name)
  if (given.length > 1) throw new TypeError(`${taker} takes one of ${given.join(', ')}, not ${given.length} of them`)
  if (client !== undefined) return { kind: 'client', client: usable(taker, client) }
  if (cluster !== undefined) return clusterOf(taker, cluster)
  if (redis !== undefined && (typeof redis !== 'object' || redis === null))
    throw wrong('redis', 'options of ioredis', redis)
  const { db = 0 } = redis ?? {}
  if (!Number.isInteger(db) || db < 0) throw new RangeError(`redis.db must be 0 or a positive integer, not ${db}`)
  const isPlace = redis !== undefined && ['host', 'port', 'path', 'sentinels', 'Connector'].some(name => name in redis)
  const found = url ?? (isPlace ? undefined : fromEnvironment())
  if (found === undefined && !isPlace) {
    throw new TypeError(`${taker} needs to know where Redis is: pass url, or set SSE_REDIS_URL or REDIS_URL`)
  }
  return { kind: 'redis', url: found === undefined ? undefined : checkedUrl(found), options: redis ?? {} }
}

function fromEnvironment(): string | undefined {
  const { SSE_REDIS_URL, REDIS_URL } = process.env
  return SSE_REDIS_URL || REDIS_URL || undefined
}

// Whatever is wrong with it, it may hold a password: so it is not shown.
function checkedUrl(url: unknown): string {
  const protocol = typeof url === 'string' ? URL.canParse(url) && new URL(url).protocol : undefined
  const isOurs = protocol === 'redis:' || protocol === 'rediss:'
  if (isOurs && /^\/?\d*$/.test(new URL(url as string).pathname)) return url as string
  throw new TypeError("url must be like 'redis://user:password@host:6379/0', or 'rediss://…' for TLS")
}

function clusterOf(taker: string, cluster: NonNullable<RedisConnectionOptions['cluster']>): Place {
  const { nodes, options = {} } = cluster
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new TypeError(`${taker}: cluster.nodes must be a list of nodes such as [{ host: 'localhost', port: 7000 }]`)
  }
  return { kind: 'cluster', nodes, options }
}

function usable(taker: string, client: Redis | Cluster): Redis | Cluster {
  if (typeof client?.evalsha !== 'function' || typeof client.status !== 'string') {
    throw new TypeError(`${taker}: client must be a Redis or a Cluster of ioredis`)
  }
  checkPrefix(taker, client)
  if (sendsAgain(client)) {
    throw new TypeError(
      `${taker}: this client may send again what Redis has executed already, so that events are published twice: ` +
        `make it with ${client.isCluster ? 'retryDelayOnFailover: 0' : 'maxRetriesPerRequest: 0 or autoResendUnfulfilledCommands: false'}`,
    )
  }
  return client
}

/** @throws TypeError for a client that puts a prefix before keys: it would not before the names of Pub/Sub, so the two would not meet. */
export function checkPrefix(taker: string, { options }: Redis | Cluster): void {
  const { keyPrefix, redisOptions } = options as ClusterOptions & RedisOptions
  if (!keyPrefix && !(redisOptions as RedisOptions | undefined)?.keyPrefix) return
  throw new TypeError(
    `${taker}: ioredis puts keyPrefix before keys but not before all names of Pub/Sub: leave it out, and use the option prefix`,
  )
}

function sendsAgain({ isCluster, options }: Redis | Cluster): boolean {
  if (isCluster) return (options as ClusterOptions).retryDelayOnFailover !== 0
  const { maxRetriesPerRequest, autoResendUnfulfilledCommands } = options as RedisOptions
  return maxRetriesPerRequest !== 0 && autoResendUnfulfilledCommands !== false
}
