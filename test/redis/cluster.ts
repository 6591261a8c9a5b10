import { freePort } from './process.js'
import { type RedisServer, startRedis } from './server.js'
import { slotOf } from './slot.js'
import { until } from './until.js'

/** Primaries that share the slots of a Redis Cluster. One that is gone takes its slots with it. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[]
  /** What ioredis's Cluster takes. */
  readonly hosts: { host: string; port: number }[]
  /** `redis://` of each node. */
  readonly urls: string[]
  ownerOf(key: string): RedisServer
  /** Moves the slot of a key, with all keys in it, as resharding does. */
  moveSlotOf(key: string, to: RedisServer): Promise<void>
  /** Resolves once every node takes commands, which one that has been restarted does after some 2 s. */
  healthy(): Promise<void>
}

const slots = 16_384

/** Resolves once every node takes commands, which Redis does after some 2 s. */
export async function startCluster(nodes = 3): Promise<RedisCluster> {
  const cluster = new Cluster(await Promise.all(Array.from({ length: nodes }, startNode)))
  try {
    await cluster.join()
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

async function startNode(): Promise<RedisServer> {
  const options = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '500',
    'cluster-require-full-coverage': 'no',
    // Else it is the port plus 10000, which may be taken.
    'cluster-port': String(await freePort()),
  }
  return startRedis({ args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]) })
}

class Cluster implements RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** By slot. */
  readonly #owners = new Array<RedisServer>(slots)

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  get hosts(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url)
  }

  ownerOf(key: string): RedisServer {
    return this.#owners[slotOf(key)] as RedisServer
  }

  async join(): Promise<void> {
    const share = Math.ceil(slots / this.nodes.length)
    for (const [index, node] of this.nodes.entries()) {
      const first = index * share
      const end = Math.min(first + share, slots)
      this.#owners.fill(node, first, end)
      // With epochs of their own the nodes need not settle whose is whose.
      await node.redis.cluster('SET-CONFIG-EPOCH', index + 1)
      await node.redis.call('CLUSTER', 'ADDSLOTSRANGE', first, end - 1)
    }
    await Promise.all(this.nodes.flatMap(node => this.nodes.map(other => meet(node, other))))
    await this.healthy()
  }

  async healthy(): Promise<void> {
    await Promise.all(this.nodes.map(node => until(() => isWell(node, this.nodes.length))))
  }

  async moveSlotOf(key: string, to: RedisServer): Promise<void> {
    const from = this.ownerOf(key)
    if (from === to) return
    const slot = slotOf(key)
    const [fromId, toId] = await Promise.all([from, to].map(({ redis }) => redis.cluster('MYID')))
    await to.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
    await from.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
    await migrate(slot, from, to)
    // The new owner first: there is always one.
    for (const node of new Set([to, from, ...this.nodes])) {
      await node.redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
    }
    this.#owners[slot] = to
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(node => node[Symbol.asyncDispose]()))
  }
}

async function meet(node: RedisServer, other: RedisServer): Promise<void> {
  if (node === other) return
  const [, busPort] = (await other.redis.config('GET', 'cluster-port')) as string[]
  await node.redis.call('CLUSTER', 'MEET', '127.0.0.1', other.port, busPort as string)
}

async function isWell({ redis }: RedisServer, nodes: number): Promise<boolean> {
  const info = String(await redis.cluster('INFO'))
  const expected = ['cluster_state:ok', `cluster_slots_ok:${slots}`, `cluster_known_nodes:${nodes}`]
  return expected.every(line => info.includes(`${line}\r\n`))
}

async function migrate(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
  for (;;) {
    const keys = (await from.redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
    if (keys.length === 0) return
    await from.redis.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys)
  }
}
