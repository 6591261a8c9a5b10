import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { until } from './measure.mjs'

/** A redis-server of its own, without persistence, and what it tells of itself. */
export async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-redis-'))
  const port = await freePort()
  const options = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.env.REDIS_SERVER_PATH || 'redis-server', args, { stdio: 'ignore' })
  const end = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', end)
  await once(child, 'spawn')
  const admin = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 }).on('error', () => {})
  await admin.ping()
  const info = async section => fieldsOf(await admin.info(section))
  /** Microseconds of CPU that it has used. */
  const cpu = async () => {
    const { used_cpu_user, used_cpu_sys } = await info('cpu')
    return (Number(used_cpu_user) + Number(used_cpu_sys)) * 1e6
  }
  return {
    cpu,
    url: `redis://127.0.0.1:${port}`,
    admin,
    version: (await info('server')).redis_version,
    /** Microseconds of CPU that it uses in a millisecond while nobody wants anything, as far as `rest` has measured that. */
    atRest: 0,
    async rest(ms) {
      const before = await cpu()
      await setTimeout(ms)
      this.atRest = ((await cpu()) - before) / ms
    },
    /** Bytes. Who has just left is forgotten first; after some seconds, also the buffers of those who are silent. */
    async memory(ms = 300) {
      await setTimeout(ms)
      return Number((await info('memory')).used_memory)
    },
    /** Connections, without the one that asks. */
    clients: async () => Number((await info('clients')).connected_clients) - 1,
    /** Connections that have subscribed to a channel. */
    subscribers: async channel => (await admin.pubsub('NUMSUB', channel))[1],
    /** How many scripts were run, and the microseconds they took. */
    async scripts() {
      const { cmdstat_evalsha = '' } = await info('commandstats')
      const [, calls = 0, usec = 0] = /calls=(\d+),usec=(\d+)/.exec(cmdstat_evalsha) ?? []
      return { calls: Number(calls), usec: Number(usec) }
    },
    async stop() {
      admin.disconnect()
      process.off('exit', end)
      end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Resolves once nobody but who asks is connected, and nothing is kept. */
export async function emptied(redis) {
  await until(async () => (await redis.clients()) === 0)
  await redis.admin.flushall()
}

const fieldsOf = text =>
  Object.fromEntries(
    text
      .split('\r\n')
      .filter(line => line.includes(':'))
      .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
