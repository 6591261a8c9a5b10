import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type RedisPluginOptions, redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import { comeBack, numbers, over, publishAll } from './support.js'

let server: RedisServer
let count = 0

beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => server[Symbol.asyncDispose]())

const plugin = (options: RedisPluginOptions = {}) => redisPlugin({ url: server.url, ...options })

/** The ids of 30 events, numbered from 1, on a channel of its own. */
async function published(options: RedisPluginOptions) {
  await using channels = over(plugin(options))
  count += 1
  const channel = `news ${count}`
  const ids = await publishAll(channels.pubsub, channel, 1, 30)
  const path = `/${encodeURIComponent(channel)}`
  return { idOf: (n: number) => ids[n - 1] as string, path, channel }
}

describe('of a history of ten events', () => {
  test.each([
    [19, ['!trimmed']],
    [20, numbers(21, 30)],
    [21, numbers(22, 30)],
    [29, ['30']],
    [30, []],
    [1, ['!trimmed']],
  ])('who has seen event %d of 30 gets %j', async (seen, expected) => {
    const options = { history: { count: 10 } }
    const { idOf, path } = await published(options)
    expect(await comeBack(plugin(options), idOf(seen), { path })).toEqual(expected)
  })
})

test.each([
  [24, ['!limit']],
  [25, numbers(26, 30)],
  [26, numbers(27, 30)],
])('of at most five events, who has seen event %d of 30 gets %j', async (seen, expected) => {
  const { idOf, path } = await published({})
  expect(await comeBack(plugin(), idOf(seen), { path, maxReplay: 5 })).toEqual(expected)
})

describe('an id', () => {
  test.each([
    ['ahead of the newest event', (id: string) => id.replace('.10.', '.31.'), 'rollback'],
    ['far ahead', (id: string) => id.replace('.10.', '.999999999999999.'), 'rollback'],
    ['of an event that was replaced by another', (id: string) => `${id.slice(0, -2)}~~`.replaceAll('~', '-'), 'fork'],
    ['of the event before the first, with another tag', (id: string) => id.replace('.10.', '.0.'), 'fork'],
    ['of another history', (id: string) => `other${id.slice(5)}`, 'epoch'],
    ['that is no position', () => 'garbage', 'malformed'],
    ['that looks like a command', () => '1\') redis.call("FLUSHALL") --', 'malformed'],
    ['with glob characters', () => '*.*.*', 'malformed'],
    ['with a negative offset', (id: string) => id.replace('.10.', '.-10.'), 'malformed'],
    ['with too many digits', (id: string) => id.replace('.10.', '.9999999999999999999.'), 'malformed'],
    ['of 12,000 characters', () => 'x'.repeat(12_000), 'malformed'],
    ['of positions in a row', (id: string) => `${id},${id}`, 'malformed'],
    ['in another script', () => 'é☃', 'malformed'],
  ])('%s is told as a reset, and nothing else', async (_, forge, reason) => {
    const { idOf, path } = await published({})
    const id = Buffer.from(forge(idOf(10))).toString('latin1')
    expect(await comeBack(plugin(), id, { path })).toEqual([`!${reason}`])
  })

  test('of another channel tells nothing but a reset', async () => {
    const [secret, open] = [await published({}), await published({})]
    for (const seen of [1, 29, 30]) {
      expect(await comeBack(plugin(), secret.idOf(seen), { path: open.path })).toEqual(['!epoch'])
    }
    expect(await comeBack(plugin(), secret.idOf(1), { path: '/never-used' })).toEqual(['!epoch'])
  })

  test('that the publisher gave leads to what followed its newest event', async () => {
    await using channels = over(plugin())
    for (const [id, data] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', '4'],
    ] as const) {
      await channels.pubsub.publish(data, { channel: 'named', id })
    }
    expect(await comeBack(plugin(), 'a', { path: '/named' })).toEqual(['4'])
    expect(await comeBack(plugin(), 'b', { path: '/named' })).toEqual(['3', '4'])
    expect(await comeBack(plugin(), 'd', { path: '/named' })).toEqual(['!malformed'])
    expect(await comeBack(plugin(), 'a', { path: '/other-named' })).toEqual(['!malformed'])
  })
})

describe('a history of 300 milliseconds', () => {
  const options = { history: { age: 300 } }

  test('gives nothing that is older, though it is still stored', async () => {
    await using channels = over(plugin(options))
    const ids = await publishAll(channels.pubsub, 'short', 1, 3)
    const old = Date.now()
    await eventually(async () => Date.now() > old + 300)
    ids.push(await channels.pubsub.publish(4, { channel: 'short' }))
    const path = '/short'
    expect(await comeBack(plugin(options), ids[0] ?? '', { path })).toEqual(['!trimmed'])
    expect(await comeBack(plugin(options), ids[2] ?? '', { path })).toEqual(['4'])
  })

  test('is gone when nobody publishes, and who has all is told nothing', async () => {
    await using channels = over(plugin(options))
    const ids = await publishAll(channels.pubsub, 'quiet', 1, 3)
    await eventually(async () => (await server.redis.exists('eventfeed:{quiet}:log')) === 0)
    const path = '/quiet'
    expect(await comeBack(plugin(options), ids[1] ?? '', { path })).toEqual(['!trimmed'])
    expect(await comeBack(plugin(options), ids[2] ?? '', { path })).toEqual([])
  })

  test('is trimmed where much is published', async () => {
    await using channels = over(plugin({ history: { age: 50 } }))
    const begun = Date.now()
    for (let n = 1; Date.now() < begun + 300 || n % 16 !== 1; n++) {
      await channels.pubsub.publish(n, { channel: 'busy' })
    }
    const [[oldest = ''] = []] = await server.redis.xrange('eventfeed:{busy}:log', '-', '+', 'COUNT', 1)
    expect(Date.now() - Number(oldest.split('-')[1])).toBeLessThan(150)
  })
})
