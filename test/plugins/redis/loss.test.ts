import { readdir, stat, truncate } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { startPair } from '../../redis/failover.js'
import { startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import {
  comeBack,
  expectHonest,
  isReset,
  join,
  numbers,
  over,
  publishAll,
  serveChannels,
  transcript,
  until,
} from './support.js'

const META = 'eventfeed:{news}:meta'
const LOG = 'eventfeed:{news}:log'

/** A stream that has seen events 1 to 5, through a process of its own, and the ids of the events. */
async function follow(url: string) {
  const served = await serveChannels(redisPlugin({ url }))
  const publisher = over(redisPlugin({ url }))
  const stream = await join(served, '/news')
  const ids = await publishAll(publisher.pubsub, 'news', 1, 5)
  await until(stream, 5)
  const publish = async (from: number, to: number) =>
    void ids.push(...(await publishAll(publisher.pubsub, 'news', from, to)))
  const dispose = async () => {
    await stream.close()
    await served[Symbol.asyncDispose]()
    await publisher[Symbol.asyncDispose]()
  }
  return { stream, publish, idOf: (n: number) => ids[n - 1] as string, [Symbol.asyncDispose]: dispose }
}

describe('what Redis forgets of a channel', () => {
  test('its state: everybody is told of the hole, and goes on', async () => {
    await using server = await startRedis()
    await using on = await follow(server.url)
    await server.redis.del(META)
    await on.publish(6, 6)
    await on.stream.find(isReset)
    await on.publish(7, 7)
    await until(on.stream, 7)
    expect(transcript(on.stream)).toEqual([...numbers(1, 5), '!epoch', '7'])
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(5))).toEqual(['!epoch'])
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(6))).toEqual(['7'])
  })

  test('its history: who has all goes on, who lacks something of it is told', async () => {
    await using server = await startRedis()
    await using on = await follow(server.url)
    await server.redis.del(LOG)
    const back = (seen: number) => comeBack(redisPlugin({ url: server.url }), on.idOf(seen))
    expect([await back(5), await back(4)]).toEqual([[], ['!trimmed']])
    await on.publish(6, 7)
    await until(on.stream, 7)
    expect(transcript(on.stream)).toEqual(numbers(1, 7))
    expect([await back(6), await back(5), await back(4)]).toEqual([['7'], ['6', '7'], ['!trimmed']])
  })

  test('its history, because the memory is needed: the state is kept longer', async () => {
    await using server = await startRedis({ args: ['--maxmemory-policy', 'volatile-ttl'] })
    await using on = await follow(server.url)
    const { used_memory = 0 } = Object.fromEntries(
      (await server.redis.info('memory')).split('\r\n').map(line => line.split(':')),
    )
    await server.redis.config('SET', 'maxmemory', Number(used_memory) + 300_000)
    for (let n = 0; (await server.redis.exists(LOG)) === 1; n++) {
      await server.redis.set(`filler:${n}`, 'x'.repeat(20_000))
    }
    expect(await server.redis.exists(META)).toBe(1)
    await server.redis.config('SET', 'maxmemory', 0)
    await on.publish(6, 6)
    await until(on.stream, 6)
    expect(transcript(on.stream)).toEqual(numbers(1, 6))
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(5))).toEqual(['6'])
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(4))).toEqual(['!trimmed'])
  })

  test('anything, while it has less memory than is published: no hole is left untold, and nothing comes twice', async () => {
    await using server = await startRedis({ args: ['--maxmemory-policy', 'allkeys-random'] })
    await using on = await follow(server.url)
    const begun = Number(/used_memory:(\d+)/.exec(await server.redis.info('memory'))?.[1])
    await server.redis.config('SET', 'maxmemory', begun + 150_000)
    for (let n = 6; n <= 300; n++) {
      await server.redis.set(`filler:${n}`, 'x'.repeat(3_000))
      await on.publish(n, n)
    }
    await server.redis.config('SET', 'maxmemory', 0)
    let newest = 300
    await eventually(async () => {
      newest += 1
      await on.publish(newest, newest)
      return Number(transcript(on.stream).at(-1)) > 300
    })
    expectHonest(transcript(on.stream))
    expect(await server.redis.info('stats')).toMatch(/evicted_keys:[1-9]/)
  })

  test('all: everybody is told, though nobody publishes until offsets are past their old values', async () => {
    await using server = await startRedis()
    await using on = await follow(server.url)
    await server.redis.flushall()
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(5))).toEqual([
      expect.stringMatching(/^!(absent|epoch)$/),
    ])
    await on.publish(6, 12)
    await on.stream.find(isReset)
    await on.publish(13, 14)
    await until(on.stream, 14)
    const seen = transcript(on.stream)
    expect(seen.slice(0, 6)).toEqual([...numbers(1, 5), '!epoch'])
    expect(seen.slice(6)).toEqual(numbers(14 - (seen.length - 7), 14)) // all from some event on
    expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(5))).toEqual(['!epoch'])
  })
})

/** A primary and its replica behind one address. Events 6 to 8 reach the primary only, which is then lost. */
async function failOver(meanwhile: (url: string) => Promise<unknown>) {
  const pair = await startPair()
  const proxy = await startProxy(pair.primary.port)
  const on = await follow(proxy.url)
  await pair.synced()
  pair.cutReplication()
  await on.publish(6, 8)
  await until(on.stream, 8)
  await pair.promote()
  await meanwhile(pair.replica.url)
  proxy.retarget(pair.replica.port)
  proxy.cut()
  const dispose = async () => {
    for (const part of [on, proxy, pair]) await part[Symbol.asyncDispose]()
  }
  return { ...on, url: pair.replica.url, [Symbol.asyncDispose]: dispose }
}

/** Publishes events from a process that knows nothing of what was lost. */
async function publishElsewhere(url: string, from: number, to: number) {
  await using elsewhere = over(redisPlugin({ url }))
  await publishAll(elsewhere.pubsub, 'news', from, to)
}

describe('a failover that loses three events that Redis had acknowledged', () => {
  test.each([
    ['less has been published since', 'rollback', 0],
    ['as much has been published since', 'fork', 3],
    ['more has been published since', 'fork', 5],
  ])('where %s: who saw them is told, who did not is not', async (_, reason, since) => {
    await using on = await failOver(url => publishElsewhere(url, 101, 100 + since))
    const told = await on.stream.find(isReset)
    expect(told.json()).toMatchObject({ channel: 'news', reason, from: on.idOf(8) })
    await publishElsewhere(on.url, 200, 201)
    await until(on.stream, 201)
    expect(transcript(on.stream)).toEqual([...numbers(1, 8), `!${reason}`, '200', '201'])
    const back = (seen: number) => comeBack(redisPlugin({ url: on.url }), on.idOf(seen))
    const branch = [...numbers(101, 100 + since), '200', '201']
    expect(await back(5)).toEqual(branch)
    expect(await back(4)).toEqual(['5', ...branch])
    for (const seen of [6, 7, 8]) expect(await back(seen)).toEqual([seen > 5 + branch.length ? '!rollback' : '!fork'])
  })
})

test('an append-only file that lost its end: who saw the end of it is told, who did not is not', async () => {
  const args = ['--appendonly', 'yes', '--appendfsync', 'always', '--aof-load-truncated', 'yes']
  await using server = await startRedis({ args })
  await using on = await follow(server.url)
  const file = await appendOnlyFile(server)
  const { size } = await stat(file)
  await on.publish(6, 8)
  await until(on.stream, 8)
  await server.kill()
  await truncate(file, size + 20)
  await server.start()
  await on.stream.find(isReset)
  await on.publish(9, 10)
  await until(on.stream, 10)
  expect(transcript(on.stream)).toEqual([...numbers(1, 8), '!rollback', '9', '10'])
  expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(5))).toEqual(['9', '10'])
  expect(await comeBack(redisPlugin({ url: server.url }), on.idOf(6))).toEqual(['!fork'])
})

async function appendOnlyFile({ folder }: RedisServer): Promise<string> {
  const files = await readdir(pathOf(folder, 'appendonlydir'))
  return pathOf(folder, 'appendonlydir', files.find(name => name.endsWith('.incr.aof')) ?? '')
}
