import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { PubSub } from 'koa-eventfeed'
import { type RedisPluginOptions, redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type RedisProxy, startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import { codeOf, numbers, type Over, over, rejection } from './support.js'

const LOG = 'eventfeed:{news}:log'

/** A publisher behind a proxy, and a witness who is connected to the server itself. */
async function stage(options: RedisPluginOptions = {}) {
  const server = await startRedis()
  const proxy = await startProxy(server.port)
  const publisher = over(redisPlugin({ url: proxy.url, ...options }))
  const witness = over(redisPlugin({ url: server.url, ...options }))
  const seen: string[] = []
  const events = witness.pubsub.subscribe('news')
  await events.ready
  void (async () => {
    for await (const { event, data } of events) seen.push(event ?? data)
  })()
  await publisher.pubsub.ready()
  const dispose = async () => {
    for (const part of [publisher, witness, proxy, server]) await part[Symbol.asyncDispose]()
  }
  return { server, proxy, publisher, witness, seen, [Symbol.asyncDispose]: dispose }
}

/** What the witness has once it has an event that is published last. */
async function all({ witness, seen }: { witness: Over; seen: string[] }): Promise<string[]> {
  await witness.pubsub.publish('end', { channel: 'news' })
  await eventually(async () => seen.includes('end'))
  return seen.slice(0, -1)
}

/** How often Redis has run a script that publishes. */
async function added({ redis }: RedisServer): Promise<number> {
  const info = await redis.info('commandstats')
  return Number(/cmdstat_xadd:calls=(\d+)/.exec(info)?.[1] ?? 0)
}

/** How often Redis was asked to run a script by its hash. */
async function scriptCalls({ redis }: RedisServer): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
}

/** Publishes, and cuts the connection when Redis has taken it all, before an answer gets back. */
async function cutBeforeAnswer(server: RedisServer, proxy: RedisProxy, publish: () => Promise<unknown>[]) {
  const before = await added(server)
  proxy.delay(60_000)
  const published = publish()
  await eventually(async () => (await added(server)) === before + published.length)
  proxy.delay(0)
  proxy.cut('commands')
  return await Promise.allSettled(published)
}

/** What each id stands for in the history. */
async function dataAt({ redis }: RedisServer, ids: readonly unknown[]): Promise<(string | undefined)[]> {
  const entries = await redis.xrange(LOG, '-', '+')
  const held = new Map(entries.map(([id, [, link, , data]]) => [`${id.split('-')[0]}.${link}`, data?.slice(1)]))
  return ids.map(id => held.get(String(id).replace(/^[^.]*\./, '')))
}

const publishMany = (pubsub: PubSub, from: number, to: number) =>
  numbers(from, to).map(data => pubsub.publish(data, { channel: 'news' }))

describe('a connection that breaks off before Redis has answered', () => {
  test('publishes one event once, and answers its id', async () => {
    await using on = await stage()
    const { server, proxy, publisher } = on
    await publisher.pubsub.publish('first', { channel: 'news' })
    const [result] = await cutBeforeAnswer(server, proxy, () => publishMany(publisher.pubsub, 1, 1))
    expect(result?.status).toBe('fulfilled')
    expect(await dataAt(server, result?.status === 'fulfilled' ? [result.value] : [])).toEqual(['1'])
    expect(await server.redis.xlen(LOG)).toBe(2)
    expect(await all(on)).toEqual(['first', '1'])
  })

  test('publishes each of many once', async () => {
    await using on = await stage()
    const { server, proxy, publisher } = on
    const results = await cutBeforeAnswer(server, proxy, () => publishMany(publisher.pubsub, 1, 300))
    const ids = results.map(result => (result.status === 'fulfilled' ? result.value : result.reason))
    expect(await dataAt(server, ids)).toEqual(numbers(1, 300))
    expect(await server.redis.xlen(LOG)).toBe(300)
    expect(await all(on)).toEqual(numbers(1, 300))
  })

  test('takes two events for two, though they are alike', async () => {
    await using on = await stage()
    const { server, proxy, publisher } = on
    const twins = () => ['twin', 'twin'].map(data => publisher.pubsub.publish(data, { channel: 'news' }))
    const results = await cutBeforeAnswer(server, proxy, twins)
    expect(new Set(results.map(result => result.status === 'fulfilled' && result.value)).size).toBe(2)
    expect(await all(on)).toEqual(['twin', 'twin'])
  })

  test('publishes nothing twice while it breaks off again and again', async () => {
    await using on = await stage()
    const { server, proxy, publisher } = on
    const published: Promise<string>[] = []
    for (let n = 1; n <= 400; n++) {
      published.push(publisher.pubsub.publish(n, { channel: 'news' }))
      if (n % 4 === 0) await setTimeout(1)
      if (n % 80 === 0) proxy.delay(5)
      if (n % 100 === 0) proxy.cut('commands')
    }
    expect(await dataAt(server, await Promise.all(published))).toEqual(numbers(1, 400))
    expect(await server.redis.xlen(LOG)).toBe(400)
    expect((await all(on)).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 400))
  })

  test.each([
    ['nothing', 0],
    ['three events', 3],
  ])('and a history of %s: what is not known is told, and nothing is published twice', async (_, count) => {
    await using on = await stage({ history: { count }, timeout: 1_000 })
    const { server, proxy, publisher } = on
    const results = await cutBeforeAnswer(server, proxy, () => publishMany(publisher.pubsub, 1, 40))
    const codes = results.map(result => (result.status === 'rejected' ? codeOf(result.reason) : 'fine'))
    expect(codes.slice(0, -count || undefined)).toEqual(Array(40 - count).fill('ERR_SSE_UNCERTAIN'))
    expect(codes.slice(40 - count)).toEqual(Array(count).fill('fine'))
    expect(await added(server)).toBe(40)
    expect(await all(on)).toEqual(numbers(1, 40))
  })
})

describe('a connection that is given up, and heals later', () => {
  /** Publishes 20 events into a connection that lets nothing through; once all are settled it does. */
  async function healLater({ server, proxy, publisher }: Awaited<ReturnType<typeof stage>>) {
    await publisher.pubsub.publish('first', { channel: 'news' })
    proxy.stall(true, 'commands')
    const settled = await Promise.allSettled(publishMany(publisher.pubsub, 1, 20))
    const calls = await scriptCalls(server)
    proxy.stall(false)
    await eventually(async () => (await scriptCalls(server)) >= calls + 20)
    return settled.map(result => (result.status === 'rejected' ? codeOf(result.reason) : 'fine'))
  }

  test('publishes nothing a second time of what was sent again meanwhile', async () => {
    await using on = await stage({ heartbeat: 200, timeout: 3_000 })
    expect(await healLater(on)).toEqual(Array(20).fill('fine'))
    expect(await added(on.server)).toBe(21)
    expect(await all(on)).toEqual(['first', ...numbers(1, 20)])
  })

  test('publishes nothing a second time either where no history is kept', async () => {
    await using on = await stage({ heartbeat: 200, timeout: 3_000, history: { count: 0 } })
    expect(await healLater(on)).toEqual(Array(20).fill('ERR_SSE_UNCERTAIN'))
    const seen = await all(on)
    expect(new Set(seen).size).toBe(seen.length)
  })
})

describe('a server that is frozen for longer than the timeout', () => {
  test('publishes nothing of what was rejected, when it thaws', async () => {
    await using on = await stage({ timeout: 400 })
    const { server, publisher, seen } = on
    await publisher.pubsub.publish('before', { channel: 'news' })
    server.freeze()
    const errors = await Promise.all(publishMany(publisher.pubsub, 1, 20).map(rejection))
    for (const error of errors) expect(codeOf(error)).toMatch(/^ERR_SSE_(UNCERTAIN|UNREACHABLE)$/)
    await setTimeout(100)
    server.thaw()
    await eventually(
      async () => (await rejection(publisher.pubsub.publish('after', { channel: 'news' }))) === undefined,
    )
    expect(await all(on)).toEqual(['before', 'after'])
    expect(seen).toContain('before')
  })

  test('publishes what still has time, once', async () => {
    await using on = await stage({ timeout: 5_000, heartbeat: 300 })
    const { server, publisher } = on
    await publisher.pubsub.publish('before', { channel: 'news' })
    server.freeze()
    const published = publishMany(publisher.pubsub, 1, 20)
    await setTimeout(1_000) // the connection is given up and made anew meanwhile
    server.thaw()
    await Promise.all(published)
    const seen = await all(on)
    expect(seen[0]).toBe('before')
    expect(seen.slice(1).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 20))
  })
})

describe('scripts that Redis has forgotten', () => {
  test('are sent again', async () => {
    await using on = await stage()
    const { server, publisher } = on
    for (const n of numbers(1, 5)) {
      await publisher.pubsub.publish(n, { channel: 'news' })
      await server.redis.script('FLUSH')
      expect(await publisher.pubsub.position('news')).toContain(`.${n}.`)
      await server.redis.script('FLUSH')
    }
    expect(await all(on)).toEqual(numbers(1, 5))
  })

  test('lose and double nothing under load', async () => {
    await using on = await stage()
    const { server, publisher } = on
    const published: Promise<string>[] = []
    for (let n = 1; n <= 500; n++) {
      published.push(publisher.pubsub.publish(n, { channel: 'news' }))
      if (n % 20 === 0) await server.redis.script('FLUSH')
    }
    expect(await dataAt(server, await Promise.all(published))).toEqual(numbers(1, 500))
    expect((await all(on)).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 500))
  })
})

test('answers that take long to come do not make a publisher believe that its time is up', async () => {
  await using on = await stage({ timeout: 2_000 })
  const { proxy, publisher } = on
  proxy.delay(300)
  await Promise.all(publishMany(publisher.pubsub, 1, 20))
  await publisher.pubsub.publish(21, { channel: 'news' })
  proxy.delay(0)
  expect(await all(on)).toEqual(numbers(1, 21))
})
