import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { type RedisPluginOptions, redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type RedisPubSubPluginOptions, redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { rejection } from './support.js'

type Options = RedisPluginOptions & RedisPubSubPluginOptions

const plugins: [string, (options?: Options) => unknown][] = [
  ['redisPlugin', options => redisPlugin(options)],
  ['redisPubSubPlugin', options => redisPubSubPlugin(options)],
]
const url = 'redis://:secret@localhost'
const VARIABLES = ['SSE_REDIS_URL', 'REDIS_URL']
const before = VARIABLES.map(name => process.env[name])
const setVariables = (...values: (string | undefined)[]) => {
  for (const [at, name] of VARIABLES.entries()) {
    if (values[at] === undefined) delete process.env[name]
    else process.env[name] = values[at]
  }
}

beforeAll(() => setVariables())
afterEach(() => setVariables())
afterAll(() => setVariables(...before))

/** A client that does not connect. */
const idle = (options = {}) => new Redis({ lazyConnect: true, maxRetriesPerRequest: 0, ...options } as object)
const cluster = (options = {}) =>
  new Redis.Cluster([{ host: 'localhost' }], { lazyConnect: true, retryDelayOnFailover: 0, ...options })

/** What a call throws. */
function thrown(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('It did not throw')
}

describe.each(plugins)('%s', (name, plugin) => {
  test.each<[string, (string | undefined)[]]>([
    ['is not set', []],
    ['is empty', ['', '']],
  ])('does not begin without knowing where Redis is: the environment %s', (_, values) => {
    setVariables(...values)
    for (const options of [undefined, {}, { redis: {} }, { redis: { password: 'secret' } }, { url: undefined }]) {
      const error = thrown(() => plugin(options))
      expect(error.name).toBe('TypeError')
      expect(error.message).toBe(`${name} needs to know where Redis is: pass url, or set SSE_REDIS_URL or REDIS_URL`)
    }
  })

  test.each<[string, Options, string]>([
    ['no object', 'redis://:secret@localhost' as unknown as object, 'TypeError: options must be an object, not string'],
    ['null', null as unknown as object, 'TypeError: options must be an object, not null'],
    [
      'a name that there is not',
      { url, prefixes: 'a' } as object,
      `TypeError: ${name} has no option 'prefixes': it takes`,
    ],
    ['a URL of HTTP', { url: 'http://:secret@localhost' }, "TypeError: url must be like 'redis://"],
    ['a URL without a protocol', { url: ':secret@localhost:6379' }, "TypeError: url must be like 'redis://"],
    ['an empty URL', { url: '' }, "TypeError: url must be like 'redis://"],
    ['a URL that is none', { url: 6379 as unknown as string }, "TypeError: url must be like 'redis://"],
    [
      'options of ioredis that are none',
      { redis: 'secret' as unknown as object },
      'TypeError: redis must be options of ioredis, not string',
    ],
    [
      'a cluster without nodes',
      { cluster: { nodes: [] } },
      `TypeError: ${name}: cluster.nodes must be a list of nodes`,
    ],
    [
      'a cluster that is a URL',
      { cluster: { nodes: url as unknown as [] } },
      `TypeError: ${name}: cluster.nodes must be a list`,
    ],
    [
      'a client that is none',
      { client: {} as Redis },
      `TypeError: ${name}: client must be a Redis or a Cluster of ioredis`,
    ],
    [
      'a URL and a cluster',
      { url, cluster: { nodes: [6379] } },
      `TypeError: ${name} takes one of url, cluster, not 2 of them`,
    ],
    ['a URL and a client', { url, client: idle() }, `TypeError: ${name} takes one of url, client, not 2 of them`],
    [
      'ioredis options and a client',
      { redis: { host: 'a' }, client: idle() },
      `TypeError: ${name} takes one of redis, client`,
    ],
    [
      'a timeout that is a text',
      { url, timeout: '5' as unknown as number },
      'TypeError: timeout must be a number, not string',
    ],
    ['a timeout of 0', { url, timeout: 0 }, 'RangeError: timeout must be a positive number'],
    ['a timeout that is none', { url, timeout: Number.NaN }, 'RangeError: timeout must be a positive number'],
    ['an endless timeout', { url, timeout: Number.POSITIVE_INFINITY }, 'RangeError: timeout must be a positive number'],
    ['a negative heartbeat', { url, heartbeat: -1 }, 'RangeError: heartbeat must be a positive number'],
    [
      'a prefix that is no text',
      { url, prefix: 1 as unknown as string },
      'TypeError: prefix must be a text, not number',
    ],
    [
      "ioredis' keyPrefix",
      { redis: { host: 'a', keyPrefix: 'a:' } },
      `TypeError: ${name}: ioredis puts keyPrefix before keys`,
    ],
    [
      'keyPrefix in the URL',
      { url: 'redis://:secret@localhost?keyPrefix=a' },
      `TypeError: ${name}: ioredis puts keyPrefix`,
    ],
    [
      "a cluster's keyPrefix",
      { cluster: { nodes: [6379], options: { keyPrefix: 'a' } } },
      `TypeError: ${name}: ioredis puts keyPrefix`,
    ],
    [
      'that of its nodes',
      { cluster: { nodes: [6379], options: { redisOptions: { keyPrefix: 'a' } } } },
      `TypeError: ${name}: ioredis puts keyPrefix`,
    ],
    ["a client's keyPrefix", { client: idle({ keyPrefix: 'a:' }) }, `TypeError: ${name}: ioredis puts keyPrefix`],
    [
      'a client that sends again',
      { client: idle({ maxRetriesPerRequest: 20 }) },
      `TypeError: ${name}: this client may send again`,
    ],
    [
      'a client that sends again for ever',
      { client: idle({ maxRetriesPerRequest: null }) },
      `TypeError: ${name}: this client may send again`,
    ],
    [
      'a cluster that sends again',
      { client: cluster({ retryDelayOnFailover: 100 }) },
      `TypeError: ${name}: this client may send again`,
    ],
  ])('refuses %s, and shows no password', (_, options, message) => {
    const error = thrown(() => plugin(options))
    expect(`${error.name}: ${error.message}`).toContain(message)
    expect(error.message).not.toContain('secret')
  })

  test.each<[string, Options]>([
    ['a URL', { url }],
    ['a URL of TLS', { url: 'rediss://user:secret@localhost:6380/2' }],
    ['a URL and options of ioredis', { url, redis: { db: 3 } }],
    ['options of ioredis', { redis: { host: 'localhost' } }],
    ['a path', { redis: { path: '/tmp/no.sock' } }],
    ['Sentinels', { redis: { sentinels: [{ host: 'localhost', port: 26379 }], name: 'primary' } }],
    ['a cluster', { cluster: { nodes: [{ host: 'localhost', port: 7000 }] } }],
    ['a client', { client: idle() }],
    [
      'a client that retries, but does not send again',
      { client: idle({ maxRetriesPerRequest: null, autoResendUnfulfilledCommands: false }) },
    ],
    ['a client for a cluster', { client: cluster() }],
    [
      'options that are undefined',
      { url, redis: undefined, cluster: undefined, client: undefined, timeout: undefined },
    ],
  ])('takes %s', (_, options) => {
    expect(() => plugin(options)).not.toThrow()
  })
})

test.each<[RedisPluginOptions, string]>([
  [{ prefix: 'a{b' }, "TypeError: prefix must have no braces, not 'a{b'"],
  [{ prefix: 'b}' }, "TypeError: prefix must have no braces, not 'b}'"],
  [{ history: null as unknown as object }, 'TypeError: history must be an object, not null'],
  [{ history: { size: 1 } as object }, "TypeError: history has no option 'size': it takes count, age"],
  [{ history: { count: -1 } }, 'RangeError: history.count must be 0 or a positive integer, not -1'],
  [{ history: { count: 1.5 } }, 'RangeError: history.count must be 0 or a positive integer, not 1.5'],
  [{ history: { count: '1' as unknown as number } }, 'TypeError: history.count must be a number, not string'],
  [{ history: { age: 0 } }, 'RangeError: history.age must be a positive number'],
  [{ history: { age: Number.NaN } }, 'RangeError: history.age must be a positive number'],
  [{ verify: 0 }, 'RangeError: verify must be a positive number'],
  [{ verify: true as unknown as number }, 'TypeError: verify must be a number, not boolean'],
])('redisPlugin refuses %j', (options, message) => {
  const error = thrown(() => redisPlugin({ url, ...options }))
  expect(`${error.name}: ${error.message}`).toContain(message)
})

test.each([['json'], [''], [null], [1]])('redisPubSubPlugin refuses the format %j', format => {
  const error = thrown(() => redisPubSubPlugin({ url, format: format as 'raw' }))
  expect(`${error.name}: ${error.message}`).toContain("TypeError: format must be one of 'raw', 'flask-sse', not")
})

test('a plugin connects when it is used, not before', async () => {
  const plugin = redisPlugin({ url: 'redis://127.0.0.1:1' })
  expect(plugin.health?.()).toMatchObject({
    publishing: false,
    error: { message: expect.stringContaining('not connected') },
  })
  expect(await rejection(plugin.ready?.() as Promise<void>)).toMatchObject({ code: 'ERR_SSE_UNREACHABLE' })
  await plugin.close()
})
