import { describe, expect, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { startPair } from '../../redis/failover.js'
import { startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import {
  codeOf,
  expectDiscreet,
  join,
  numbers,
  over,
  publishAll,
  rejection,
  serveChannels,
  transcript,
  until,
} from './support.js'

/** Leaves a server no memory; what is answered gives it back. */
async function fill(server: RedisServer): Promise<() => Promise<unknown>> {
  await server.redis.config('SET', 'maxmemory', 1)
  return () => server.redis.config('SET', 'maxmemory', 0)
}

describe('a Redis that has no memory left', () => {
  test('refuses what is published, keeps nothing of it, and takes what comes once there is some', async () => {
    await using server = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] })
    await using served = await serveChannels(redisPlugin({ url: server.url, heartbeat: 100 }))
    const { sse } = served
    const stream = await join(served, '/news')
    await publishAll(sse.pubsub, 'news', 1, 3)
    const free = await fill(server)
    const errors = await Promise.all(
      ['news', 'never used'].map(channel => rejection(sse.publish('private data', { channel }))),
    )
    expect(errors.map(codeOf)).toEqual(['ERR_SSE_REFUSED', 'ERR_SSE_REFUSED'])
    expect((errors[0] as Error).message).toContain('OOM')
    expect(sse.health()).toMatchObject({ publishing: false, receiving: true, error: { code: 'ERR_SSE_REFUSED' } })
    await free()
    expect(await sse.publish(4, { channel: 'news' })).toContain('.4.')
    await until(stream, 4)
    expect(transcript(stream)).toEqual(numbers(1, 4))
    expect(sse.health()).toEqual({ publishing: true, receiving: true })
    expect(await server.redis.xlen('eventfeed:{news}:log')).toBe(4)
    expect(served.told.codes).toEqual([])
    expectDiscreet(errors, 'private data')
    await stream.close()
    await served[Symbol.asyncDispose]()
  })

  test('is well again once it has some, though nobody publishes', async () => {
    await using server = await startRedis()
    await using channels = over(redisPlugin({ url: server.url, heartbeat: 50 }))
    const free = await fill(server)
    expect(codeOf(await rejection(channels.pubsub.publish('x')))).toBe('ERR_SSE_REFUSED')
    expect(channels.pubsub.health().publishing).toBe(false)
    await free()
    await eventually(async () => channels.pubsub.health().publishing)
  })
})

describe('a replica', () => {
  test('takes nothing that is published, until it is the primary', async () => {
    await using pair = await startPair()
    await using channels = over(redisPlugin({ url: pair.replica.url, timeout: 300 }))
    await channels.pubsub.ready()
    const error = await rejection(channels.pubsub.publish('private data', { channel: 'news' }))
    expect(codeOf(error)).toBe('ERR_SSE_UNREACHABLE')
    expectDiscreet([error], 'private data')
    expect(await pair.primary.redis.dbsize()).toBe(0)

    await using patient = over(redisPlugin({ url: pair.replica.url }))
    await patient.pubsub.ready()
    const published = patient.pubsub.publish('on', { channel: 'news' })
    await pair.promote()
    expect(await published).toContain('.1.')
    expect(await pair.replica.redis.xlen('eventfeed:{news}:log')).toBe(1)
  })
})

describe('a right that is taken away while a stream is open', () => {
  const login = (server: RedisServer) => `redis://feed:secret@127.0.0.1:${server.port}`
  const grant = (server: RedisServer) =>
    server.redis.acl('SETUSER', 'feed', 'on', '>secret', '~*', 'resetchannels', '&eventfeed:*', '+@all')

  test.each([
    [
      'that to the channel',
      'ERR_SSE_FORBIDDEN',
      (server: RedisServer) => server.redis.acl('SETUSER', 'feed', 'resetchannels'),
    ],
    ['the user itself', 'ERR_SSE_CREDENTIALS', (server: RedisServer) => server.redis.acl('DELUSER', 'feed')],
    [
      'the password',
      'ERR_SSE_CREDENTIALS',
      async (server: RedisServer) => {
        await server.redis.acl('SETUSER', 'feed', 'resetpass', '>other')
        await server.redis.call('CLIENT', 'KILL', 'USER', 'feed')
      },
    ],
  ])(
    '%s: it is told once, the stream stays, and gets what it missed when the right is back',
    async (_, code, revoke) => {
      await using server = await startRedis()
      await grant(server)
      await using served = await serveChannels(redisPlugin({ url: login(server), timeout: 300 }))
      await using publisher = over(redisPlugin({ url: server.url }))
      const stream = await join(served, '/news')
      await publishAll(publisher.pubsub, 'news', 1, 3)
      await until(stream, 3)
      await revoke(server)
      await served.told.until(code)
      await publishAll(publisher.pubsub, 'news', 4, 40)
      expect(codeOf(await rejection(served.sse.publish('private data', { channel: 'news' })))).toBe(code)
      expect(served.sse.health()).toMatchObject({ receiving: false, error: { code } })
      await grant(server)
      await until(stream, 40)
      await served.sse.publish(41, { channel: 'news' })
      await until(stream, 41)
      expect(transcript(stream)).toEqual(numbers(1, 41))
      expect(served.told.codes).toEqual(['ERR_SSE_UNREACHABLE', code])
      expect(served.sse.health()).toEqual({ publishing: true, receiving: true })
      expectDiscreet(served.told.errors, 'secret', 'private data')
      await stream.close()
    },
  )
})

test("events past the limit of a subscriber's output buffer break its connection off, and nothing is lost", async () => {
  await using server = await startRedis({ args: ['--client-output-buffer-limit', 'pubsub 256kb 64kb 1'] })
  await using served = await serveChannels(redisPlugin({ url: server.url }))
  const stream = await join(served, '/news')
  const large = 'x'.repeat(400_000)
  for (let n = 0; n < 6; n++) await served.sse.publish(n % 2 ? large : n, { channel: 'news' })
  await served.sse.publish('end', { channel: 'news' })
  await until(stream, 'end')
  expect(transcript(stream).map(data => data.slice(0, 3))).toEqual(['0', 'xxx', '2', 'xxx', '4', 'xxx', 'end'])
  expect(served.told.codes).toContain('ERR_SSE_UNREACHABLE')
  await stream.close()
})

describe('what is posted', () => {
  const post = (served: { url: string }, body: object) =>
    fetch(`${served.url}/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('is answered 503 while Redis is away, and 200 once it is back', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using served = await serveChannels(redisPlugin({ url: proxy.url, timeout: 200 }))
    expect((await post(served, { data: 'on' })).status).toBe(200)
    proxy.refuse(true)
    proxy.cut()
    const away = await post(served, { data: 'private data' })
    expect(away.status).toBe(503)
    expect(await away.json()).toMatchObject({ status: 'fail', message: 'not published' })
    proxy.refuse(false)
    await served.sse.ready().catch(() => {})
    await eventually(async () => (await post(served, { data: 'on' })).status === 200)
    expect(await server.redis.xlen('eventfeed:{sse}:log')).toBe(2)
    expectDiscreet(served.told.errors, 'private data')
  })

  test('is answered 400 where the format of messages cannot carry it', async () => {
    await using server = await startRedis()
    await using served = await serveChannels(redisPubSubPlugin({ url: server.url }))
    const answer = await post(served, { data: 'x', event: 'order' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ status: 'fail', reason: expect.stringContaining('event') })
    expect((await post(served, { data: 'x' })).status).toBe(200)
  })
})
