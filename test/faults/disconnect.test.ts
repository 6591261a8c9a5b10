import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Picked } from 'koa-eventfeed'
import { openStream, type TestStream } from 'koa-eventfeed/testing'
import { type RedisProxy, startProxy } from '../redis/proxy.js'
import { type RedisServer, startRedis } from '../redis/server.js'
import { until } from '../redis/until.js'
import { serve } from '../support.js'
import { Child } from './child.js'

const users = ['ann', 'bob']
const kinds = ['a', 'b', 'ab']
const timeout = 15_000

/** A stream of a user, and when it ended. */
interface Open {
  readonly server: number
  readonly user: string
  readonly channels: string
  readonly stream: TestStream
  readonly over: Promise<number>
}

let streams: Open[] = []

afterEach(async () => {
  for (const { stream } of streams) await stream.close()
})

async function open(port: number, server: number, user: string, channels: string): Promise<Open> {
  const query = [...channels].map(name => `&channel=${name}`).join('')
  const stream = await openStream(`http://127.0.0.1:${port}`, { path: `/?user=${user}${query}`, timeout })
  await stream.find(({ event }) => event === 'stream-open')
  const over = stream.ended().then(() => performance.now())
  over.catch(() => {}) // those that are left are closed here
  return { server, user, channels, stream, over }
}

/** Each user has a stream of one channel, of the other, and of both, at each server. */
async function openAll(ports: readonly number[]): Promise<void> {
  const each = ports.flatMap((port, server) =>
    users.flatMap(user => kinds.map(channels => open(port, server, user, channels))),
  )
  streams = await Promise.all(each)
}

const overOf = (list: readonly Open[]) => Promise.all(list.map(({ over }) => over))

/** They are, if they get what is published now. */
async function expectOpen(list: readonly Open[], publish: (channel: string) => Promise<unknown>): Promise<void> {
  for (const channel of ['a', 'b']) await publish(channel)
  for (const { stream, channels } of list) {
    for (const channel of channels) await until(async () => stream.text.includes(`news of ${channel}`))
  }
}

describe('over Redis, in three processes', () => {
  let redis: RedisServer
  let proxies: RedisProxy[]
  let servers: Child[]
  let before: number[]

  beforeAll(async () => {
    redis = await startRedis()
    proxies = await Promise.all([1, 2, 3].map(() => startProxy(redis.port)))
    const plugin = { timeout: 500, heartbeat: 300, verify: 500 }
    servers = await Promise.all(proxies.map(({ url }) => Child.start('keyed', { plugin: { ...plugin, url } })))
  })

  afterAll(async () => {
    await Promise.all(servers.map(server => server.end('SIGKILL')))
    await until(async () => proxies.every(({ connections }) => connections === 0))
    await Promise.all(proxies.map(proxy => proxy[Symbol.asyncDispose]()))
    await redis[Symbol.asyncDispose]()
  })

  const call = <T>(server: number, name: string, ...args: unknown[]) =>
    (servers[server] as Child).call<T>(name, ...args)
  const publish = (channel: string) => call(0, 'publish', channel, `news of ${channel}`)
  const counts = () => Promise.all([0, 1, 2].map(server => call<number>(server, 'disconnected')))
  const disconnected = async () => (await counts()).map((count, server) => count - (before[server] as number))
  const start = async () => {
    await openAll(servers.map(({ ready }) => ready as number))
    before = await counts()
  }

  const picks: [string, Picked, (stream: Open) => boolean][] = [
    ['all of a key', { key: 'ann' }, ({ user }) => user === 'ann'],
    ['all that read a channel', { channel: 'a' }, ({ channels }) => channels.includes('a')],
    [
      'those of a key that read a channel',
      { key: 'ann', channel: 'a' },
      ({ user, channels }) => user === 'ann' && channels.includes('a'),
    ],
  ]

  test.each(picks)('%s end in every process, and no others', async (_, picked, isMeant) => {
    await start()
    const meant = streams.filter(isMeant)
    const each = meant.length / 3
    expect(await call(1, 'disconnect', picked)).toBe(each)
    await overOf(meant)
    await expectOpen(
      streams.filter(stream => !isMeant(stream)),
      publish,
    )
    expect(await disconnected()).toEqual([each, each, each])
  })

  test('a predicate picks streams in its own process only', async () => {
    await start()
    const isMeant = ({ server, user }: Open) => server === 2 && user === 'bob'
    expect(await call(2, 'disconnectHere', 'bob')).toBe(3)
    await overOf(streams.filter(isMeant))
    await expectOpen(
      streams.filter(stream => !isMeant(stream)),
      publish,
    )
    expect(await disconnected()).toEqual([0, 0, 3])
  })

  test('a process that is cut off from Redis ends them once it is back, and no others', async () => {
    await start()
    const [, away] = proxies as [RedisProxy, RedisProxy]
    away.refuse(true)
    away.cut()
    await until(async () => !(await call(1, 'receiving')))
    const meant = streams.filter(({ user }) => user === 'ann')
    expect(await call(0, 'disconnect', { key: 'ann' })).toBe(3)
    await overOf(meant.filter(({ server }) => server !== 1))
    expect(await disconnected()).toEqual([3, 0, 3])
    away.refuse(false)
    await overOf(meant)
    await expectOpen(
      streams.filter(({ user }) => user === 'bob'),
      publish,
    )
    expect(await disconnected()).toEqual([3, 3, 3])
  })

  test('who asks in a process that is cut off is told so, after its own streams have ended', async () => {
    await start()
    const [away] = proxies as [RedisProxy]
    away.refuse(true)
    away.cut()
    await until(async () => !(await call(0, 'receiving')))
    await expect(call(0, 'disconnect', { key: 'ann' })).rejects.toThrow('Redis cannot be reached')
    await overOf(streams.filter(({ server, user }) => server === 0 && user === 'ann'))
    expect(await disconnected()).toEqual([3, 0, 0])
    away.refuse(false)
    await until(() => call(0, 'receiving'))
  })

  test('where Redis has lost who was meant, all streams end, spread over five seconds, to be judged anew', async () => {
    await start()
    await redis.redis.flushall()
    const ends = (await overOf(streams)).sort((a, b) => a - b)
    const [first = 0, last = 0] = [ends[0], ends.at(-1)]
    expect(last - first).toBeGreaterThan(3_000)
    expect(last - first).toBeLessThan(7_000)
    const inSecondFrom = (from: number) => ends.filter(end => end >= from && end < from + 1_000).length
    expect(Math.max(...ends.map(inSecondFrom))).toBeLessThanOrEqual(streams.length * 0.6)
    expect(new Set(streams.map(({ stream }) => stream.retry)).size).toBeGreaterThan(streams.length / 2)
    expect(await disconnected()).toEqual([6, 6, 6])
  })
})

describe('with mitt, in one process,', () => {
  test('streams end by key and by channel, and no others', async () => {
    const router = { connectionKey: ({ query }: { query: { user?: unknown } }) => String(query.user) }
    await using served = await serve(sse => sse.pubSub('/'), { router })
    await openAll([served.port])
    const left = async () => {
      await served.sse.publish('news of a', { channel: 'a' })
      return [...served.sse.connections()].map(({ key, channels }) => `${key} ${channels.join('')}`).sort()
    }
    expect(await served.sse.disconnect({ key: 'ann', channel: 'b' })).toBe(2)
    expect(await left()).toEqual(['ann a', 'bob a', 'bob ab', 'bob b'])
    expect(await served.sse.disconnect({ channel: 'a' })).toBe(3)
    expect(await left()).toEqual(['bob b'])
    expect(await served.sse.disconnect({ key: 'bob' })).toBe(1)
    await overOf(streams)
    expect(served.errors).toEqual([])
  })

  test('what picks nothing is a TypeError that says what to write', async () => {
    await using keyed = await serve(() => {}, { router: { connectionKey: () => 'ann' } })
    await using unkeyed = await serve(() => {})
    const cases: [typeof keyed, Picked, string][] = [
      [keyed, {}, "disconnect takes a predicate, or { key: '…' }, { channel: '…' } or both"],
      [keyed, { key: 7 as never }, 'key must be a string, not number'],
      [keyed, { channel: 'two\nlines' }, 'channel'],
      [
        unkeyed,
        { key: 'ann' },
        'disconnect picks streams by key or channel where SseRouter has the option connectionKey',
      ],
    ]
    for (const [{ sse }, picked, message] of cases) {
      await expect(sse.disconnect(picked)).rejects.toMatchObject({
        name: 'TypeError',
        message: expect.stringContaining(message),
      })
    }
  })
})
