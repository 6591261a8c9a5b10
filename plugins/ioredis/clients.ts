import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { checkPrefix, type Place, type Times } from './options.js'

/** Connections are made for two purposes: one that has subscribed must not be slowed by replies, nor cut for its backlog with others. */
export interface Clients {
  readonly commands: Redis | Cluster
  /** Whether it is this plugin's to close. */
  readonly owned: boolean
  /** Makes the connection on which messages are received: to a node, where there is a cluster. Always this plugin's to close. */
  subscriber(node?: { host: string; port: number }): Redis
}

/** @throws TypeError for a key prefix. */
export function clientsFor(taker: string, place: Place, times: Times): Clients {
  const clients = place.kind === 'client' ? handed(place.client, times) : made(place, times)
  checkPrefix(taker, clients.commands)
  return clients
}

function handed(client: Redis | Cluster, times: Times): Clients {
  return { commands: client, owned: false, subscriber: node => duplicate(client, times, node) }
}

function made(place: Exclude<Place, { kind: 'client' }>, times: Times): Clients {
  const commands = place.kind === 'cluster' ? makeCluster(place.nodes, place.options, times) : makeRedis(place, times)
  return { commands, owned: true, subscriber: node => duplicate(commands, times, node) }
}

function makeRedis({ url, options }: Extract<Place, { kind: 'redis' }>, times: Times): Redis {
  const all = optionsOf(times, options)
  return url === undefined ? new Redis(all) : new Redis(url, all)
}

function makeCluster(
  nodes: Extract<Place, { kind: 'cluster' }>['nodes'],
  options: ClusterOptions,
  times: Times,
): Cluster {
  const redisOptions = { ...optionsOf(times, options.redisOptions), enableOfflineQueue: true }
  return new Cluster([...nodes], {
    ...options,
    redisOptions,
    retryDelayOnFailover: 0, // else what was lost with a connection would be sent again
    retryDelayOnClusterDown: 0, // it is tried again here, where it is known that it was not executed
    enableOfflineQueue: false,
    lazyConnect: true,
  })
}

function duplicate(client: Redis | Cluster, times: Times, node: { host: string; port: number } | undefined): Redis {
  const options = client.isCluster ? ((client.options as ClusterOptions).redisOptions ?? {}) : client.options
  return new Redis(optionsOf(times, options as RedisOptions, node))
}

const optionsOf = (times: Times, options: RedisOptions = {}, node = {}) => ({
  ...defaults(times),
  ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)), // a client's has all names
  ...node,
  ...required,
})

/** Tries again for ever, soon at first. */
const retryStrategy = (times: number) => Math.min(times * 50, 1_000) + Math.random() * 100

const defaults = ({ timeout, heartbeat }: Times): RedisOptions => ({
  retryStrategy,
  connectTimeout: Math.ceil(timeout * 0.8), // so that who waits is told why
  maxLoadingRetryTime: 500,
  disconnectTimeout: 100,
  socketTimeout: heartbeat, // the probes are answered, or the connection is dead
  connectionName: 'koa-eventfeed',
  disableClientInfo: true, // one right less to ask for
})

// What promises rest on, whatever the user's options say.
const required = {
  replyMapping: 'legacy' as const,
  lazyConnect: true,
  enableOfflineQueue: false, // what is not sent now is not sent behind the caller's back
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0, // what was under way when a connection broke off is told at once
  autoResubscribe: false, // a refusal of that would end the process
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (1 as const) : false), // no longer the primary
}
