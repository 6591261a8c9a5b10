import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import type { PublishOptions } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import type { TestStream } from 'koa-eventfeed/testing'
import { type RedisProxy, startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import {
  codeOf,
  isOpen,
  isReset,
  join,
  numbers,
  rejection,
  type Served,
  serveChannels,
  transcript,
  until,
} from './support.js'

let server: RedisServer
let proxy: RedisProxy

beforeAll(async () => {
  server = await startRedis()
  proxy = await startProxy(server.port)
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

type Format = 'raw' | 'flask-sse'

const serveFormat = (format: Format) => serveChannels(redisPubSubPlugin({ url: proxy.url, format }))

/** Publishes as a shell does, and answers how many received it. */
async function publishByHand(channel: string, message: string): Promise<number> {
  const socket = net.connect(server.port, '127.0.0.1')
  socket.write(`PUBLISH ${channel} ${message}\r\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return Number(String(answer).slice(1))
}

/** What is published on a channel of Redis, byte for byte, until the end of the scope. */
async function listener(channel: string) {
  const redis = new Redis(server.url)
  const messages: string[] = []
  redis.on('messageBuffer', (_, message: Buffer) => messages.push(message.toString('latin1')))
  await redis.subscribe(channel)
  return { messages, [Symbol.asyncDispose]: async () => redis.disconnect() }
}

const fieldsOf = ({ events }: TestStream) => events.filter(event => !isOpen(event))

async function closeAll(streams: TestStream[]): Promise<void> {
  await Promise.all(streams.map(stream => stream.close()))
}

describe('raw messages', () => {
  test('that are published by hand reach every stream, as they are', async () => {
    await using served = await serveFormat('raw')
    const streams = [await join(served, '/news'), await join(served, '/news'), await join(served, '/other')]
    expect(await publishByHand('news', 'hello')).toBe(1)
    for (const message of ['', '{"a": 1}', 'two\nlines', 'data: x\n\n', 'ünï 😀'])
      await server.redis.publish('news', message)
    for (const stream of streams.slice(0, 2)) {
      expect((await stream.take(6)).map(({ data }) => data)).toEqual([
        'hello',
        '',
        '{"a": 1}',
        'two\nlines',
        'data: x\n\n',
        'ünï 😀',
      ])
      expect(stream.text).not.toMatch(/^id:/m)
    }
    expect(transcript(streams[2] as TestStream)).toEqual([])
    await closeAll(streams)
  })

  test('are published as the data alone, and answer no id', async () => {
    await using served = await serveFormat('raw')
    await using heard = await listener('news')
    expect(await served.sse.publish({ price: 100 }, { channel: 'news' })).toBe('')
    expect(await served.sse.publish('text', { channel: 'news' })).toBe('')
    await eventually(async () => heard.messages.length === 2)
    expect(heard.messages).toEqual(['{"price":100}', 'text'])
  })

  test.each<[string, PublishOptions]>([
    ['event', { event: 'a' }],
    ['id', { id: 0 }],
    ['retry', { retry: 1 }],
  ])('cannot carry %s, which is said', async (field, options) => {
    await using served = await serveFormat('raw')
    await using heard = await listener('news')
    const error = await rejection(served.sse.publish('x', { channel: 'news', ...options }))
    expect(error).toMatchObject({ name: 'TypeError', message: expect.stringContaining(`not ${field}:`) })
    await served.sse.publish('next', { channel: 'news' })
    await eventually(async () => heard.messages.length > 0)
    expect(heard.messages).toEqual(['next'])
  })
})

describe('messages of Flask-SSE', () => {
  test.each<[unknown, PublishOptions, string]>([
    ['Hello!', {}, '{"data":"Hello!"}'],
    [{ message: 'Hello!' }, { event: 'greeting' }, '{"data":"{\\"message\\":\\"Hello!\\"}","type":"greeting"}'],
    ['', { id: '' }, '{"data":"","id":""}'],
    ['a\nb', { event: 'x', id: 0, retry: 1 }, '{"data":"a\\nb","type":"x","id":"0","retry":1}'],
    [null, { retry: 2_000 }, '{"data":"null","retry":2000}'],
    ['é😀', {}, Buffer.from('{"data":"é😀"}').toString('latin1')],
    ['x', { event: 'stream-reset', allowReserved: true }, '{"data":"x","type":"stream-reset"}'],
  ])('%j with %j is published as its envelope, with no key but its four', async (data, options, bytes) => {
    await using served = await serveFormat('flask-sse')
    await using heard = await listener('sse')
    await served.sse.publish(data, options)
    await eventually(async () => heard.messages.length === 1)
    expect(heard.messages).toEqual([bytes])
  })

  test.each([
    ['{"data": "Hello!", "type": "greeting"}', { event: 'greeting', data: 'Hello!' }],
    ['{"type": "greeting", "data": "Hello!"}', { event: 'greeting', data: 'Hello!' }],
    ['{"data": {"message": "Hello!"}, "type": "greeting"}', { event: 'greeting', data: '{"message":"Hello!"}' }],
    ['{"data": "Gr\\u00fc\\u00dfe \\ud83d\\ude00"}', { data: 'Grüße 😀' }],
    ['{"data": {"a": "\\u2028"}}', { data: '{"a":"\\u2028"}' }],
    ['{"data": "a\\nb\\r\\nc"}', { data: 'a\nb\nc' }],
    ['{"data": 5}', { data: '5' }],
    ['{"data": 0, "id": 0}', { id: '0', data: '0' }],
    ['{"data": null}', { data: 'null' }],
    ['{"data": true, "id": "x7"}', { id: 'x7', data: 'true' }],
    ['{"data": [1, 2.5], "id": 12}', { id: '12', data: '[1,2.5]' }],
    ['{"data": "a", "id": null, "type": null, "retry": null}', { data: 'a' }],
    ['{"data":"a","type":"b","id":"c"}', { event: 'b', id: 'c', data: 'a' }],
    ['  {"data":"a"}\n', { data: 'a' }],
    ['{"data": "a", "sender": "of a later version"}', { data: 'a' }],
  ])('%s, as Python may write it, is read', async (text, event) => {
    await using served = await serveFormat('flask-sse')
    const stream = await join(served, '/sse')
    await server.redis.publish('sse', text)
    expect(await stream.take(1)).toEqual([event])
    expect(served.told.codes).toEqual([])
    await stream.close()
  })

  test('a time to reconnect is read', async () => {
    await using served = await serveFormat('flask-sse')
    const stream = await join(served, '/sse')
    await server.redis.publish('sse', '{"data": "a", "retry": 2000}')
    await until(stream, 'a')
    expect(stream.retry).toBe(2_000)
    await stream.close()
  })
})

describe.each<[Format, (string | Buffer)[]]>([
  ['raw', ['nul \0', Buffer.from('\0')]],
  [
    'flask-sse',
    [
      ...[
        '',
        'hello',
        '5',
        'null',
        'true',
        '"text"',
        '[]',
        '["data"]',
        '{}',
        '{"type": "a"}',
        '{"data": ',
        "{'data': 1}",
      ],
      ...['{"data": "a", "type": 5}', '{"data": "a", "type": ""}', '{"data": "a", "type": "b\\ndata: forged"}'],
      ...['{"data": "a", "id": "b\\nc"}', '{"data": "a", "id": {}}', '{"data": "a", "id": true}'],
      ...[
        '{"data": "a", "retry": 0}',
        '{"data": "a", "retry": "1"}',
        '{"data": "a", "retry": -1}',
        '{"data": "a", "retry": 1.5}',
      ],
      ...['{"data": "nul \\u0000"}', '{"data": "\\ud800"}', '['.repeat(100_000), Buffer.from([0xff, 0xfe, 0])],
    ],
  ],
])('what is no message in the format %s', (format, payloads) => {
  test('is left out, counted and told once each, and every stream goes on', async () => {
    await using served = await serveFormat(format)
    const streams = [await join(served, '/sse'), await join(served, '/sse')]
    await served.sse.publish('before')
    for (const payload of payloads) await server.redis.publish('sse', payload)
    await served.sse.publish('after')
    for (const stream of streams) {
      await until(stream, 'after')
      expect(transcript(stream)).toEqual(['before', 'after'])
    }
    expect(served.sse.pubsub.rejected).toBe(payloads.length)
    expect(served.told.codes).toEqual(payloads.map(() => 'ERR_SSE_MESSAGE'))
    await closeAll(streams)
  })
})

test('the confirmation of a subscription is never an event', async () => {
  await using served = await serveFormat('raw')
  const channels = ['subscribe', 'message', 'unsubscribe', '1', 'sse']
  const streams: TestStream[] = []
  for (const channel of [...channels, ...channels]) streams.push(await join(served, `/${channel}`))
  await streams.shift()?.close()
  for (const [, subscriber] of [...channels.entries()]) await server.redis.publish(subscriber, `to ${subscriber}`)
  const expected = [...channels.slice(1), ...channels]
  for (const [at, stream] of streams.entries()) {
    await until(stream, `to ${expected[at]}`)
    expect(fieldsOf(stream)).toEqual([{ data: `to ${expected[at]}` }])
  }
  await closeAll(streams)
})

test('an interruption is told to every open stream once, and to nobody who comes later', async () => {
  await using served = await serveFormat('raw')
  const streams = [await join(served, '/a'), await join(served, '/a'), await join(served, '/b')]
  await served.sse.publish('before', { channel: 'a' })
  for (const stream of streams.slice(0, 2)) await until(stream, 'before')
  proxy.cut('subscriber')
  const resets = await Promise.all(streams.map(stream => stream.find(isReset)))
  expect(resets.map(reset => reset.json())).toEqual(
    ['a', 'a', 'b'].map(channel => ({ channel, reason: 'absent', from: null, now: null })),
  )
  const late = await join(served, '/a', { lastEventId: streams[0]?.lastEventId ?? '' })
  for (const channel of ['a', 'b']) await served.sse.publish('after', { channel })
  for (const stream of [...streams, late]) await until(stream, 'after')
  expect(streams.map(transcript)).toEqual([
    ['before', '!absent', 'after'],
    ['before', '!absent', 'after'],
    ['!absent', 'after'],
  ])
  expect(transcript(late)).toEqual(['after'])
  expect(streams.map(({ text }) => /^id:/m.test(text))).toEqual([false, false, false])
  expect(served.told.codes).toEqual(['ERR_SSE_UNREACHABLE'])
  await closeAll([...streams, late])
})

test('a publish that Redis took, and did not answer, is told as uncertain, and is not sent again', async () => {
  await using served = await serveFormat('raw')
  await using heard = await listener('sse')
  await served.sse.ready()
  proxy.delay(60_000)
  const published = rejection(served.sse.publish('once'))
  await eventually(async () => heard.messages.length === 1)
  proxy.delay(0)
  proxy.cut('commands')
  expect(codeOf(await published)).toBe('ERR_SSE_UNCERTAIN')
  await served.sse.publish('next')
  await eventually(async () => heard.messages.length === 2)
  expect(heard.messages).toEqual(['once', 'next'])
})

describe.each([
  ['redisPlugin', () => redisPlugin({ url: proxy.url }), (channel: string) => `eventfeed:{${channel}}`],
  ['redisPubSubPlugin', () => redisPubSubPlugin({ url: proxy.url }), (channel: string) => channel],
] as const)('%s', (_, plugin, nameOf) => {
  const subscribers = async (channel: string) => Number((await server.redis.pubsub('NUMSUB', nameOf(channel)))[1])

  test('leaves a channel within a second of its last client, with nothing published', async () => {
    await using served = await serveChannels(plugin())
    const streams = [await join(served, '/left'), await join(served, '/left'), await join(served, '/kept')]
    expect([await subscribers('left'), await subscribers('kept')]).toEqual([1, 1])
    await streams[0]?.close()
    expect(await subscribers('left')).toBe(1)
    await streams[1]?.close()
    const begun = performance.now()
    await eventually(async () => (await subscribers('left')) === 0)
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(await subscribers('kept')).toBe(1)
    await streams[2]?.close()
  })

  test('has two connections, whatever the number of clients and channels', async () => {
    await eventually(async () => proxy.connections === 0)
    await using served = await serveChannels(plugin())
    const streams = await joinMany(served, 100)
    for (const n of numbers(0, 9)) await served.sse.publish(n, { channel: `channel-${n}` })
    for (const [at, stream] of streams.entries()) await until(stream, at % 10)
    expect(proxy.connections).toBe(2)
    await closeAll(streams)
  })
})

const joinMany = (served: Served, count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => join(served, `/channel-${n % 10}`)))
