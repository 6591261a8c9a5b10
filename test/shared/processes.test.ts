import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type RedisServer, startRedis } from '../redis/server.js'
import { type Seen, Server, Watcher } from './stage.js'

const VIEWERS = 30
const LEASE = 600

let redis: RedisServer
let servers: Server[]
let watchers: Watcher[]

beforeEach(async () => {
  redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
})

afterEach(async () => {
  for (const watcher of watchers) watcher.close()
  await Promise.all(servers.map(server => server.kill()))
  await redis[Symbol.asyncDispose]()
})

async function stage(share: object, last: number): Promise<{ ports: number[] }> {
  servers = await Promise.all([1, 2, 3].map(() => Server.start(redis, { lease: LEASE, ...share }, last)))
  const ports = servers.map(({ port }) => port)
  watchers = Array.from({ length: VIEWERS }, (_, index) => new Watcher(ports, index))
  return { ports }
}

const upTo = (last: number): Seen[] => Array.from({ length: last }, (_, index) => index + 1)
const has = (value: Seen) => (seen: readonly Seen[]) => seen.includes(value)
const all = (value: Seen) => Promise.all(watchers.map(watcher => watcher.until(has(value))))
const holders = () => servers.filter(({ hasBegun }) => hasBegun)
const END = 'end {}'

describe('a run over three processes', () => {
  test('is run by one of them, and each viewer of each gets every event once and in order, whoever moves', async () => {
    await stage({ resumable: true }, 150)
    for (const n of [30, 60, 90]) {
      await watchers[0]?.until(has(n))
      for (const watcher of watchers.slice(n / 30)) watcher.move()
    }
    await all(END)
    for (const { seen } of watchers) expect(seen).toEqual([...upTo(150), END])
    expect(holders()).toHaveLength(1)
  })

  test('goes on where it was when the process that runs it is killed', async () => {
    const { ports } = await stage({ resumable: true }, 300)
    await all(50)
    const [holder] = holders() as [Server]
    ports.splice(ports.indexOf(holder.port), 1)
    await holder.kill()
    await all(END)
    for (const { seen } of watchers) expect(seen).toEqual([...upTo(300), END])
    expect(holders()).toHaveLength(2)
    const begun = holders().map(({ told }) => told.find(one => one.begun)?.begun)
    expect(begun.filter(one => (one?.position ?? 0) >= 50 && one?.lastEventId !== undefined)).toHaveLength(1)
  })

  test('begins anew where its source cannot go on, and each viewer is told so and gets all of it', async () => {
    const { ports } = await stage({}, 200)
    await all(50)
    const [holder] = holders() as [Server]
    ports.splice(ports.indexOf(holder.port), 1)
    await holder.kill()
    await all(END)
    for (const { seen } of watchers) {
      const at = seen.findIndex(one => typeof one === 'string')
      expect(seen.slice(0, at)).toEqual(upTo(at))
      expect(seen[at]).toBe('reset epoch')
      expect(seen.slice(at + 1)).toEqual([...upTo(200), END])
    }
  })

  test('is not written to by a process that was frozen past its lease and lives again', async () => {
    await stage({ resumable: true }, 400)
    await all(50)
    const [holder] = holders() as [Server]
    holder.signal('SIGSTOP')
    const others = servers.filter(server => server !== holder)
    await Promise.race(others.map(server => server.until(({ begun }) => begun)))
    const elsewhere = watchers.filter((_, index) => servers[index % 3] !== holder)
    const [seen = 0] = elsewhere.map(watcher => watcher.seen.length)
    await Promise.all(elsewhere.map(watcher => watcher.until(now => now.length > seen + 20)))
    holder.signal('SIGCONT')
    await holder.until(({ aborted }) => aborted)
    await all(END)
    for (const watcher of watchers) expect(watcher.seen).toEqual([...upTo(400), END])
  })

  test('waits while Redis is gone, and goes on when it is back', async () => {
    await stage({ resumable: true }, 200)
    await all(50)
    await redis.kill()
    const counts = watchers.map(({ seen }) => seen.length)
    await Promise.all(servers.map(server => server.until(({ error }) => error === 'ERR_SSE_UNREACHABLE')))
    await redis.start()
    await all(END)
    expect(counts.every(count => count < 200)).toBe(true)
    for (const { seen } of watchers) expect(seen).toEqual([...upTo(200), END])
  })

  test('is told to have begun anew where Redis has lost it', async () => {
    await stage({ resumable: true }, 200)
    await all(50)
    const [holder] = holders()
    await redis.redis.flushall()
    await redis.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub') // so that those who only watch hear of it at once
    await all(END)
    expect(holders()).toEqual([holder])
    for (const { seen } of watchers) {
      const resets = seen.flatMap((one, index) => (String(one).startsWith('reset') ? [index] : []))
      expect(resets.length).toBeGreaterThan(0)
      const parts = [0, ...resets].map((from, index) =>
        seen.slice(from, resets[index]).filter(one => typeof one === 'number'),
      )
      for (const part of parts) expect(part).toEqual(part.map((_, index) => Number(part[0]) + index))
      expect(seen.at(-1)).toBe(END)
    }
  })
})
