import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { freePort } from '../../redis/process.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { codeOf, duration, expectDiscreet, type Over, over, rejection } from './support.js'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ password: 'right-secret' })
  await server.redis.acl(
    'SETUSER',
    'some',
    'on',
    '>some-secret',
    '~*',
    'resetchannels',
    '&eventfeed:{news}',
    '&news',
    '+@all',
  )
})
afterAll(async () => server[Symbol.asyncDispose]())

const plugins = [
  ['redisPlugin', redisPlugin],
  ['redisPubSubPlugin', redisPubSubPlugin],
] as const

/** What all that can be asked of channels rejects with, and how long it took at most. */
async function askAll({ pubsub }: Over, channel = 'news') {
  const asked = [
    pubsub.ready(),
    pubsub.publish('private data', { channel }),
    pubsub.subscribe(channel).ready,
    pubsub.ready(),
  ]
  const ms = await duration(Promise.allSettled(asked))
  return { ms, errors: await Promise.all(asked.map(rejection)) }
}

describe.each(plugins)('%s', (_, plugin) => {
  test.each([
    ['a wrong password', ':wrong-secret@'],
    ['no password', ''],
    ['a wrong password of a user', 'some:wrong-secret@'],
    ['a user that there is not', 'nobody:wrong-secret@'],
  ])('tells %s at once, to every caller, and once besides', async (_, login) => {
    await using channels = over(plugin({ url: `redis://${login}127.0.0.1:${server.port}` }))
    const { errors, ms } = await askAll(channels)
    expect(errors.map(codeOf)).toEqual(Array(4).fill('ERR_SSE_CREDENTIALS'))
    expect(ms).toBeLessThan(2_000)
    expect(channels.told.codes).toEqual(['ERR_SSE_CREDENTIALS'])
    expect(channels.pubsub.health()).toMatchObject({ publishing: false, receiving: false })
    expect(codeOf(channels.pubsub.health().error)).toBe('ERR_SSE_CREDENTIALS')
    expectDiscreet([...errors, ...channels.told.errors], 'secret', 'private data')
  })

  test('refuses one channel at once where the user may not, and serves the others', async () => {
    await using channels = over(plugin({ url: `redis://some:some-secret@127.0.0.1:${server.port}` }))
    const { pubsub, told } = channels
    await pubsub.ready()
    const errors = await Promise.all(
      [pubsub.publish('private data', { channel: 'other' }), pubsub.subscribe('other').ready].map(rejection),
    )
    expect(errors.map(codeOf)).toEqual(['ERR_SSE_FORBIDDEN', 'ERR_SSE_FORBIDDEN'])
    const events = pubsub.subscribe('news', { limit: 1 })
    await events.ready
    await pubsub.publish('on', { channel: 'news' })
    expect(await events.next()).toMatchObject({ value: { data: 'on' } })
    expect(await server.redis.exists('eventfeed:{other}:log')).toBe(0)
    expect(pubsub.health()).toEqual({ publishing: true, receiving: true })
    expect(told.codes).toEqual([])
    expectDiscreet(errors, 'secret', 'private data')
  })

  test('tells a server that is not there at once when it is asked whether it works, else when the time is up', async () => {
    await using channels = over(plugin({ url: `redis://:wrong-secret@127.0.0.1:${await freePort()}`, timeout: 600 }))
    const { pubsub, told } = channels
    const ready = pubsub.ready()
    expect(await duration(ready)).toBeLessThan(500)
    const published = pubsub.publish('private data')
    const ms = await duration(published)
    expect(ms).toBeGreaterThan(500)
    expect(ms).toBeLessThan(1_500)
    const errors = await Promise.all([ready, published, pubsub.ready(), pubsub.position('x')].map(rejection))
    expect(errors.slice(0, 3).map(codeOf)).toEqual(Array(3).fill('ERR_SSE_UNREACHABLE'))
    expect(told.codes).toEqual(['ERR_SSE_UNREACHABLE'])
    expectDiscreet([...errors, ...told.errors], 'secret', 'private data')
  })
})

test.each([
  ['a command', ['~*', '-xadd']],
  ['a command that reads', ['~*', '-xrange', '-hmget']],
  ['the keys', ['~other:*']],
  ['scripts', ['~*', '-evalsha', '-eval']],
])('redisPlugin tells at once that the user may not use %s', async (_, rights) => {
  await server.redis.acl('SETUSER', 'less', 'reset', 'on', '>less-secret', '&*', '+@all', ...rights)
  await using channels = over(redisPlugin({ url: `redis://less:less-secret@127.0.0.1:${server.port}` }))
  const published = channels.pubsub.publish('private data', { channel: 'news' })
  expect(await duration(published)).toBeLessThan(2_000)
  const error = await rejection(published)
  expect(codeOf(error)).toBe('ERR_SSE_FORBIDDEN')
  expect(channels.told.codes).toEqual([])
  expectDiscreet([error], 'secret', 'private data')
})
