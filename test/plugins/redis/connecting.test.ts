import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as pathOf } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import type { Plugin, Relay } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { startPair, startSentinel } from '../../redis/failover.js'
import { freePort } from '../../redis/process.js'
import { type RedisServer, startRedis, tlsCa } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import { dataOf, numbers, type Over, over, publishAll, rejection } from './support.js'

const plugins = [
  ['redisPlugin', redisPlugin],
  ['redisPubSubPlugin', redisPubSubPlugin],
] as const

let server: RedisServer
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(pathOf(tmpdir(), 'socket-'))
  server = await startRedis({ password: 'secret', args: ['--unixsocket', pathOf(folder, 'redis.sock')] })
  await server.redis.acl('SETUSER', 'feed', 'on', '>pass/word', '~*', '&*', '+@all')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
afterEach(() => {
  delete process.env.SSE_REDIS_URL
  delete process.env.REDIS_URL
})

/** Whether what one publishes reaches another. */
async function passes(from: Over, to: Over, channel = 'news'): Promise<boolean> {
  const events = to.pubsub.subscribe(channel)
  await events.ready
  await from.pubsub.publish('x', { channel })
  for await (const { event, data } of events) if (event !== 'stream-reset') return data === 'x'
  return false
}

/** Whether a plugin carries events. */
async function carries(plugin: Plugin | Relay): Promise<boolean> {
  await using channels = over(plugin)
  await channels.pubsub.ready()
  return await passes(channels, channels)
}

const clientNames = async (which: RedisServer) => {
  const list = String(await which.redis.client('LIST'))
  return [...list.matchAll(/ name=(\S+)/g)].map(([, name]) => name)
}

describe.each(plugins)('%s', (_, plugin) => {
  test('goes to SSE_REDIS_URL before REDIS_URL, and passes over one that is empty', async () => {
    const nowhere = `redis://127.0.0.1:${await freePort()}`
    process.env.SSE_REDIS_URL = server.url
    process.env.REDIS_URL = nowhere
    expect(await carries(plugin())).toBe(true)
    process.env.SSE_REDIS_URL = ''
    process.env.REDIS_URL = server.url
    expect(await carries(plugin())).toBe(true)
    process.env.SSE_REDIS_URL = nowhere
    expect(await carries(plugin({ url: server.url }))).toBe(true)
    await using lost = over(plugin())
    expect(await rejection(lost.pubsub.ready())).toMatchObject({ code: 'ERR_SSE_UNREACHABLE' })
  })

  test("takes password, user and database from the environment's URL and options of ioredis besides it", async () => {
    process.env.REDIS_URL = `redis://127.0.0.1:${server.port}`
    expect(await carries(plugin({ redis: { password: 'secret' } }))).toBe(true)
    expect(await carries(plugin({ redis: { username: 'feed', password: 'pass/word', db: 2 } }))).toBe(true)
  })

  test.each([
    [
      'a user of the ACL, with a password that is escaped',
      () => ({ url: `redis://feed:pass%2Fword@127.0.0.1:${server.port}` }),
    ],
    ['host and port', () => ({ redis: { host: '127.0.0.1', port: server.port, password: 'secret' } })],
    ["a socket's path", () => ({ redis: { path: pathOf(folder, 'redis.sock'), password: 'secret' } })],
    ['RESP2', () => ({ url: server.url, redis: { protocol: 2 as const } })],
  ])('is reached by %s', async (_, options) => {
    expect(await carries(plugin(options()))).toBe(true)
  })

  test('speaks TLS, and only to a server that it trusts', async () => {
    await using secure = await startRedis({ tls: true, password: 'secret' })
    expect(await carries(plugin({ url: secure.url, redis: { tls: { ca: tlsCa } } }))).toBe(true)
    const { port } = secure
    expect(await carries(plugin({ redis: { port, host: '127.0.0.1', password: 'secret', tls: { ca: tlsCa } } }))).toBe(
      true,
    )
    await using wary = over(plugin({ url: secure.url, timeout: 300 }))
    const error = await rejection(wary.pubsub.ready())
    expect(error).toMatchObject({ code: 'ERR_SSE_UNREACHABLE', message: expect.stringContaining('certificate') })
  })

  test('names its connections', async () => {
    await using quiet = await startRedis()
    await using channels = over(plugin({ url: quiet.url }))
    await channels.pubsub.ready()
    expect(await clientNames(quiet)).toEqual(['koa-eventfeed', 'koa-eventfeed'])
    await using named = over(plugin({ url: quiet.url, redis: { connectionName: 'feed-7' } }))
    await named.pubsub.ready()
    expect((await clientNames(quiet)).sort()).toEqual(['feed-7', 'feed-7', 'koa-eventfeed', 'koa-eventfeed'])
  })

  test('follows a failover that Sentinels make, with nothing to be changed', async () => {
    await using pair = await startPair()
    await using sentinel = await startSentinel(pair)
    const { sentinels, name } = sentinel
    await using channels = over(
      plugin({ redis: { sentinels, name, sentinelRetryStrategy: () => 100 }, timeout: 15_000 }),
    )
    expect(await passes(channels, channels)).toBe(true)
    const events = channels.pubsub.subscribe('news')
    await events.ready
    await pair.primary.kill()
    await eventually(async () => (await rejection(channels.pubsub.publish('after', { channel: 'news' }))) === undefined)
    await eventually(async () => channels.pubsub.health().receiving)
    await eventually(() => passes(channels, channels))
    await events.return()
  })
})

test('channels of two databases do not meet', async () => {
  const of = (db: number) => over(redisPlugin({ url: `${server.url}/${db}` }))
  await using three = of(3)
  await using four = of(4)
  await using byOption = over(redisPlugin({ url: server.url, redis: { db: 3 } }))
  const events = [three, four, byOption].map(({ pubsub }) => pubsub.subscribe('shared', { limit: 3 }))
  for (const { ready } of events) await ready
  await publishAll(three.pubsub, 'shared', 1, 2)
  await publishAll(four.pubsub, 'shared', 11, 13)
  await byOption.pubsub.publish(3, { channel: 'shared' })
  const seen = await Promise.all(events.map(dataOf))
  expect(seen).toEqual([numbers(1, 3), numbers(11, 13), numbers(1, 3)])
  expect([three, four].map(({ told }) => told.codes)).toEqual([[], []])
})

test('channels of two prefixes do not meet', async () => {
  await using one = over(redisPlugin({ url: server.url, prefix: 'one:' }))
  await using two = over(redisPlugin({ url: server.url, prefix: 'two:' }))
  const events = two.pubsub.subscribe('news', { limit: 1 })
  await events.ready
  await one.pubsub.publish('of one', { channel: 'news' })
  await two.pubsub.publish('of two', { channel: 'news' })
  expect(await events.next()).toMatchObject({ value: { data: 'of two' } })
  expect(await one.pubsub.position('news')).toContain('.1.')
})

describe('a client that is handed in', () => {
  test.each(plugins)('of %s is used, and stays as it was', async (_, plugin) => {
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, connectionName: 'mine' })
    const id = await client.client('ID')
    const listeners = client.eventNames().map(name => [name, client.listenerCount(name)])
    const channels = over(plugin({ client }))
    expect(await passes(channels, channels)).toBe(true)
    await channels[Symbol.asyncDispose]()
    expect(await client.client('ID')).toBe(id)
    expect(client.eventNames().map(name => [name, client.listenerCount(name)])).toEqual(listeners)
    await eventually(async () => (await clientNames(server)).filter(name => name === 'mine').length === 1)
    const again = over(plugin({ client }))
    expect(await passes(again, again)).toBe(true)
    await again[Symbol.asyncDispose]()
    expect(await client.client('ID')).toBe(id)
    client.disconnect()
  })

  test('that is not connected yet is connected when it is used', async () => {
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, lazyConnect: true })
    const channels = over(redisPlugin({ client }))
    expect(client.status).toBe('wait')
    expect(await passes(channels, channels)).toBe(true)
    await channels[Symbol.asyncDispose]()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })

  test('with a database keeps to it', async () => {
    const client = new Redis(`${server.url}/5`, { maxRetriesPerRequest: 0 })
    await using channels = over(redisPlugin({ client }))
    await using other = over(redisPlugin({ url: `${server.url}/5` }))
    expect(await passes(other, channels, 'five')).toBe(true)
    expect(await client.exists('eventfeed:{five}:log')).toBe(1)
    client.disconnect()
  })
})
