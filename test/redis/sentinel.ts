import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { RedisPair } from './failover.js'
import { freePort, spawnRedis } from './process.js'
import { until } from './until.js'

/** A sentinel that promotes the replica of a pair some 2 s after the primary is gone. */
export interface RedisSentinel extends AsyncDisposable {
  /** These two are what ioredis takes. */
  readonly sentinels: { host: string; port: number }[]
  readonly name: string
  /** Resolves once the server of this port is the primary. */
  promoted(port: number): Promise<void>
}

const name = 'primary'

/** Resolves once the sentinel knows the primary and the replica. */
export async function startSentinel({ primary, replica }: RedisPair): Promise<RedisSentinel> {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, configuration(port, folder, primary.port))
  const process = await spawnRedis([file, '--sentinel'], /Sentinel ID is/)
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 }).on('error', () => {})
  await until(async () => (await knownReplicas(redis)).includes(String(replica.port)))
  const dispose = async () => {
    redis.disconnect()
    await process.end('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  return {
    sentinels: [{ host: '127.0.0.1', port }],
    name,
    promoted: expected => until(async () => (await primaryPort(redis)) === String(expected)),
    [Symbol.asyncDispose]: dispose,
  }
}

// The replica calls its primary by the port of the proxy between them. The sentinel would "mend" that after the
// failover-timeout, so this is longer than a test.
function configuration(port: number, folder: string, primary: number): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${primary} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 60000`,
  ].join('\n')
}

async function primaryPort(redis: Redis): Promise<string | undefined> {
  const [, port] = (await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[]
  return port
}

/** The ports of the replicas that a failover could promote. */
async function knownReplicas(redis: Redis): Promise<string[]> {
  const replicas = (await redis.call('SENTINEL', 'REPLICAS', name)) as (string[] | Record<string, string>)[]
  const known = replicas.map(fields => (Array.isArray(fields) ? pairs(fields) : fields))
  return known.filter(({ flags }) => flags === 'slave').map(({ port }) => port ?? '')
}

function pairs(flat: string[]): Record<string, string | undefined> {
  return Object.fromEntries(flat.flatMap((field, at) => (at % 2 === 0 ? [[field, flat[at + 1]]] : [])))
}
