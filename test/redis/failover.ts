import { startProxy } from './proxy.js'
import { type RedisServer, startRedis } from './server.js'
import { until } from './until.js'

export { type RedisSentinel, startSentinel } from './sentinel.js'

/** A primary and its replica. */
export interface RedisPair extends AsyncDisposable {
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** Resolves once the replica has all that the primary had when it was asked. */
  synced(): Promise<void>
  /** From now on the replica gets nothing, and neither of the two knows: what the primary still takes is lost with it. */
  cutReplication(): void
  /** Makes the replica a primary, whatever it lacks. */
  promote(): Promise<void>
}

/** Resolves once the replica has caught up. */
export async function startPair(): Promise<RedisPair> {
  // Without it the primary would wait 5 s for more replicas before it sends its data.
  const primary = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  const link = await startProxy(primary.port)
  const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${link.port}`] })
  const dispose = async () => {
    await Promise.all([primary, replica, link].map(part => part[Symbol.asyncDispose]()))
  }
  const pair: RedisPair = {
    primary,
    replica,
    synced: () => until(() => isSynced(primary, replica)),
    cutReplication: () => {
      link.stall(true)
      link.refuse(true)
    },
    promote: async () => void (await replica.redis.replicaof('NO', 'ONE')),
    [Symbol.asyncDispose]: dispose,
  }
  await pair.synced()
  return pair
}

// WAIT would look at the writes of this one connection only.
async function isSynced(primary: RedisServer, replica: RedisServer): Promise<boolean> {
  const offset = await replication(primary, 'master_repl_offset')
  const link = await replication(replica, 'master_link_status')
  return link === 'up' && Number(await replication(replica, 'slave_repl_offset')) >= Number(offset)
}

async function replication({ redis }: RedisServer, field: string): Promise<string | undefined> {
  const info = await redis.info('replication')
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(info)?.[1]
}
