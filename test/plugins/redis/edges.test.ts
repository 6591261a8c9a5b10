import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until } from '../../redis/until.js'
import { codeOf, duration, over, rejection, serveChannels } from './support.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

let server: RedisServer

beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => server[Symbol.asyncDispose]())

test('a worker that has no onError outlives a Redis that is away, and is warned', async () => {
  const script = `
    import { PubSub } from 'koa-eventfeed'
    import { redisPlugin } from 'koa-eventfeed/plugins/redis'
    const pubsub = new PubSub({ plugin: redisPlugin({ url: 'redis://127.0.0.1:1', timeout: 300 }) })
    await pubsub.publish('hello').catch(error => console.log(error.code))
    await pubsub.close()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd: root })
  const [output, warnings] = [child.stdout, child.stderr].map(stream => stream.setEncoding('utf8').toArray())
  expect(await once(child, 'exit')).toEqual([0, null])
  expect((await output)?.join('')).toBe('ERR_SSE_UNREACHABLE\n')
  expect((await warnings)?.join('')).toContain('Redis cannot be reached')
})

describe('a database', () => {
  test('that there is not is never exchanged for another', async () => {
    await using channels = over(redisPlugin({ url: `${server.url}/99`, timeout: 500 }))
    expect(codeOf(await rejection(channels.pubsub.ready()))).toBe('ERR_SSE_UNREACHABLE')
    expect(codeOf(await rejection(channels.pubsub.publish('x')))).toBe('ERR_SSE_UNREACHABLE')
    expect(channels.pubsub.health()).toMatchObject({ publishing: false, receiving: false })
    expect(await server.redis.dbsize()).toBe(0)
  })

  test('is a number', () => {
    expect(() => redisPlugin({ url: `${server.url}/abc` })).toThrow('url must be like')
    expect(() => redisPlugin({ url: server.url, redis: { db: -1 } })).toThrow(
      'redis.db must be 0 or a positive integer',
    )
  })
})

test('who leaves while an id is looked up leaves no subscription behind', async () => {
  const plugin = redisPlugin({ url: server.url })
  await using served = await serveChannels(plugin)
  const { port } = served.server.address() as { port: number }
  for (let n = 0; n < 100; n += 1) {
    const aborted = new AbortController()
    const url = `http://127.0.0.1:${port}/of-${n}`
    await fetch(url, { headers: { 'Last-Event-ID': 'an id' }, signal: aborted.signal }).catch(() => {})
    aborted.abort()
  }
  await until(async () => (await server.redis.pubsub('CHANNELS')).length === 0)
})

test('health tells that Redis takes no writes any more, and that it does again', async () => {
  await using channels = over(redisPlugin({ url: server.url, timeout: 300, heartbeat: 100 }))
  await channels.pubsub.publish('1')
  await server.redis.replicaof('127.0.0.1', 1)
  expect(codeOf(await rejection(channels.pubsub.publish('2')))).toBe('ERR_SSE_UNREACHABLE')
  expect(channels.pubsub.health().publishing).toBe(false)
  await server.redis.replicaof('NO', 'ONE')
  await until(async () => channels.pubsub.health().publishing)
})

describe('close', () => {
  test('waits for no subscription that is not acknowledged', async () => {
    const pubsub = new PubSub({
      plugin: redisPlugin({ url: server.url }),
      onError: error => expect(error).toBeUndefined(),
    })
    await pubsub.ready()
    server.freeze()
    const { ready } = pubsub.subscribe('news')
    expect(await duration(Promise.allSettled([pubsub.close(), ready]))).toBeLessThan(1_000)
  })

  test('does not say of what was sent that it was not published', async () => {
    await using proxy = await startProxy(server.port)
    const pubsub = new PubSub({ plugin: redisPlugin({ url: proxy.url }), onError: () => {} })
    await pubsub.ready()
    proxy.delay(500)
    const published = rejection(pubsub.publish('x'))
    await until(async () => (await server.redis.exists('eventfeed:{sse}:log')) === 1)
    await pubsub.close()
    expect(codeOf(await published)).toBe('ERR_SSE_UNCERTAIN')
  })
})
