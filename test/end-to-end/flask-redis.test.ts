import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { openStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { startRedis } from '../redis/server.js'
import { carried } from './carried.js'
import { flaskPeer } from './flask-peer.js'
import { dataOf, live } from './live.js'

const hasPython = spawnSync('python3', ['--version']).status === 0

describe('a Flask application that shares the Redis', () => {
  const examples = carried('over Redis')
  const greet = async () =>
    request((await examples.app('flask')).callback())
      .get('/hello')
      .expect(200)

  const inPython = hasPython ? test : test.skip
  inPython('B4: each reaches the clients of the other', async () => {
    await using stream = await live(await examples.app('flask'), '/stream')
    using peer = await flaskPeer(examples.redis.port, 'flask:sse')
    await greet()
    await peer.shown(1)
    peer.publish({ data: { zeta: 'Grüße 😀', alpha: ['\u2028'] }, type: 'greeting', id: '7' })
    await peer.shown(2)
    await greet()
    await peer.shown(3)
    await stream.take(3)
    const hello = { event: 'greeting', data: '{"message":"Hello!"}' }
    expect(stream.events.slice(1)).toEqual([
      hello,
      { event: 'greeting', id: '7', data: expect.stringContaining('Grüße 😀') },
      hello,
    ])
    expect(JSON.parse(stream.events[2]?.data ?? '')).toEqual({ alpha: ['\u2028'], zeta: 'Grüße 😀' })
    expect(peer.events).toMatchObject([hello, { event: 'greeting', id: '7' }, hello])
  })

  inPython.each<[unknown, { event?: string; id?: number | string; retry?: number }]>([
    ['', {}],
    ['two\nlines', { id: 0 }],
    [{ a: [1, null] }, { event: 'Jackson 5', id: 'x', retry: 2_000 }],
  ])('B4: %j with %j does not kill a subscriber of theirs', async (data, fields) => {
    using peer = await flaskPeer(examples.redis.port, 'theirs')
    const sse = new SseRouter({ plugin: redisPubSubPlugin({ url: examples.redis.url, format: 'flask-sse' }) })
    await sse.publish(data, { channel: 'theirs', ...fields })
    await sse.publish('last', { channel: 'theirs' })
    await peer.shown(data === '' ? 1 : 2) // an event without data is none to its clients
    expect(peer.events.at(-1)?.data).toBe('last')
    if (data !== '') expect(peer.events[0]?.data).toBe(typeof data === 'string' ? data : JSON.stringify(data))
    await sse.close()
  })

  test('B5: what is no message is reported and counted, and the streams live on', async () => {
    const app = await examples.app('flask')
    const { sse } = (await import('../../examples/flask.js')) as { sse: SseRouter }
    const errors: unknown[] = []
    app.on('error', error => errors.push(error.code))
    await using first = await live(app, '/stream')
    await using second = await live(app, '/stream')
    const poison = ['hello', '[]', '{"type": "greeting"}', '{"data": "x", "retry": "soon"}', '{"data": ', '']
    for (const payload of poison) await examples.redis.redis.publish('flask:sse', payload)
    await greet()
    for (const stream of [first, second]) {
      await stream.take(1)
      expect(dataOf(stream)).toEqual(['{"message":"Hello!"}'])
    }
    expect(errors).toEqual(poison.map(() => 'ERR_SSE_MESSAGE'))
    expect(sse.pubsub.rejected).toBe(poison.length)
  })

  test('B8: 100 clients on ten channels cost no connection to Redis more than one does', async () => {
    const app = await examples.app('flask')
    const connections = async () => `${await examples.redis.redis.client('LIST')}`.trim().split('\n').length
    await using one = await live(app, '/stream')
    const before = await connections()
    const streams = await Promise.all(
      Array.from({ length: 100 }, (_, index) => live(app, `/stream?channel=${index % 10}`)),
    )
    expect(await connections()).toBe(before)
    expect(one.status).toBe(200)
    await Promise.all(streams.map(stream => stream.close()))
  })
})

describe('where Redis is', () => {
  const plugins = [redisPlugin, () => redisPubSubPlugin({ format: 'flask-sse' })] as const
  const set = (sseUrl?: string, url?: string) => {
    for (const [name, value] of Object.entries({ SSE_REDIS_URL: sseUrl, REDIS_URL: url })) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  afterEach(() => set())

  test.each(plugins)('B6: said nowhere is an error at registration', plugin => {
    set()
    expect(plugin).toThrow(/REDIS_URL/)
  })

  test.each(plugins)('B6: SSE_REDIS_URL wins over REDIS_URL, and redis://:password@host works', async plugin => {
    await using redis = await startRedis({ password: 'swordfish' })
    expect(redis.url).toMatch(/^redis:\/\/:swordfish@/)
    set(redis.url, 'redis://127.0.0.1:1')
    const sse = new SseRouter({ plugin: plugin() })
    sse.pubSub('/stream')
    await using stream = await live(new Koa().use(sse.routes()), '/stream')
    await sse.publish('let in')
    expect(await stream.take(1)).toMatchObject([{ data: 'let in' }])
    await sse.close()
  })
})

describe('a guard', () => {
  const authorize = () => false
  test.each<[when: string, mount: (sse: SseRouter, app: Koa) => void]>([
    [
      'before the routes are used',
      (sse, app) => {
        sse.pubSub('/stream', { authorize })
        app.use(sse.routes())
      },
    ],
    [
      'after the routes are used',
      (sse, app) => {
        app.use(sse.routes())
        sse.pubSub('/stream', { authorize })
      },
    ],
    [
      'after other mounts of the same channel',
      (sse, app) => {
        sse.pubSub('/open', { channel: 'sse' })
        sse.publisher('/publish')
        sse.pubSub('/stream', { authorize })
        app.use(sse.allowedMethods()).use(sse.routes())
      },
    ],
  ])('B7: holds when it is registered %s', async (_, mount) => {
    const sse = new SseRouter()
    const app = new Koa()
    mount(sse, app)
    for (const query of ['', '?channel=x', '?channel=x&channel=secret']) {
      await using refused = await openStream(app, { path: `/stream${query}` })
      expect([refused.status, refused.headers['content-type']]).toEqual([403, 'text/plain; charset=utf-8'])
    }
    expect(sse.pubsub.channels).toBe(0)
    await sse.close()
  })
})
