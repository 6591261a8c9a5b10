import type { Cluster, Redis } from 'ioredis'
import { slotOf } from './slot.js'

/** The node that has the slot of a key: `host:port`. Undefined if none has. */
export function ownerOf(key: string, cluster: Cluster): string | undefined {
  return cluster.slots[slotOf(key)]?.[0]
}

/** The client for what concerns one name: of a cluster, that of the node that has its slot. */
export function clientFor(name: string, client: Redis | Cluster): Redis | Cluster {
  if (!client.isCluster) return client
  const cluster = client as Cluster
  const owner = ownerOf(name, cluster)
  return cluster.nodes('master').find(node => addressOf(node) === owner) ?? cluster
}

/** `host:port`, as a cluster names its nodes. */
export function addressOf({ options }: Redis): string {
  const { host, port } = options as { host?: string; port?: number }
  return `${host}:${port}`
}
