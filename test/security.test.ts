import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import type { Context } from 'koa'
import { type ChannelOptions, PubSub, ServerSentEvent, SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { openStream } from 'koa-eventfeed/testing'
import { freePort } from './redis/process.js'
import { type RedisServer, startRedis } from './redis/server.js'
import { until } from './redis/until.js'
import { connectRaw, get, type Served, serve } from './support.js'

// What docs/security.md promises, and no other test shows.

const SECRET = 'S3CR3T'

/** All that a log could have of a value: its causes, fields and stack too. */
const logged = (value: unknown) => inspect(value, { depth: 20, showHidden: true, getters: true })

describe('a publisher', () => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}) => ({
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: new Uint8Array(Buffer.from(body)),
  })
  const publishing = () => serve(sse => sse.publisher('/publish').pubSub('/sse'))

  test.each([70_000, 82_000, 100_000, 3_000_000])(
    'inflates no body: %i bytes that are cut off end no process, and hold no memory',
    async size => {
      await using served = await publishing()
      const hex = Buffer.alloc(size, 'digits that hardly shrink 0123456789'.repeat(9)).map(
        (byte, at) => (byte * at) & 127,
      )
      const whole = gzipSync(Buffer.from(hex))
      const cut = whole.subarray(0, Math.floor(whole.length * 0.97))
      const response = await fetch(`${served.url}/publish`, post(cut, { 'Content-Encoding': 'gzip' }))
      expect(response.status).toBe(415)
      expect(await response.json()).toMatchObject({ reason: 'Send it without Content-Encoding' })
      expect((await fetch(`${served.url}/publish`, post('{"data":1}'))).status).toBe(200)
      expect(served.errors).toEqual([])
    },
  )

  test('answers data that is nested too deeply before it publishes any of it, and tells nothing of the inside', async () => {
    await using served = await publishing()
    const stream = await openStream(served.server, { path: '/sse' })
    await stream.next()
    const answers = new Map<number, string>()
    for (let depth = 500; depth < 32_000; depth = Math.ceil(depth * 1.07)) {
      const response = await fetch(`${served.url}/publish`, post(`{"data":${'['.repeat(depth)}${']'.repeat(depth)}}`))
      const { status, reason } = (await response.json()) as Record<string, string>
      answers.set(response.status, reason ?? String(status))
      if (response.status === 200) expect((await stream.next())?.data).toHaveLength(depth * 2)
    }
    expect(answers).toEqual(
      new Map([
        [200, 'success'],
        [400, "An event's data is nested too deeply: send it flatter"],
      ]),
    )
    await served.sse.publish('last')
    expect(await stream.next()).toMatchObject({ data: 'last' })
    await stream.close()
    expect(served.errors).toEqual([])
  })

  test('answers a retry that has no text with a reason of its own', async () => {
    await using served = await publishing()
    const response = await fetch(`${served.url}/publish`, post('{"data":1,"retry":{"toString":1,"valueOf":1}}'))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ reason: expect.stringMatching(/^retry must be a positive integer/) })
  })
})

describe.each<[string, (server: RedisServer) => SseRouter]>([
  ['in one process', () => new SseRouter({ plugin: mittPlugin() })],
  ['over Redis', ({ url }) => new SseRouter({ plugin: redisPlugin({ url }) })],
])('a last event ID %s', (_where, routerOf) => {
  const authorize: ChannelOptions['authorize'] = (_ctx, channels) => !channels.includes('staff')

  test('never yields an event of a channel that may not be read, nor of another run', async () => {
    await using redis = await startRedis()
    const sse = routerOf(redis)
    await using _ = { [Symbol.asyncDispose]: () => sse.close() }
    const ids: string[] = []
    for (let n = 0; n < 3; n += 1) ids.push(await sse.publish(`${SECRET} ${n}`, { channel: 'staff' }))
    ids.push(await sse.publish('fine', { channel: 'news' }))
    const [first = '', , , own = ''] = ids
    await using served = await servedBy(sse, authorize)
    ids.push(...(await idsOfRun(served, '/runs/staff')))
    const forged = [
      ...ids,
      `${first}~${own}`,
      `${own}~${first}`,
      first.replace(/^[^.]+/, own.split('.')[0] ?? ''),
      '-~-',
    ]
    for (const path of ['/rooms/news', '/rooms?channel=news&channel=b', '/rooms?channel=a&channel=news', '/runs/own']) {
      for (const lastEventId of forged) {
        const stream = await openStream(served.server, { path, lastEventId })
        await stream.find(({ event }) => event === 'stream-reset' || event === 'stream-open' || event === undefined)
        await sse.publish(SECRET, { channel: 'staff' })
        await sse.publish('to all', { channel: 'news' })
        if (path !== '/runs/own') await stream.find(({ data }) => data === 'to all')
        expect(stream.text).not.toContain(SECRET)
        await stream.close()
      }
    }
    expect(served.errors).toEqual([])
  })
})

async function servedBy(sse: SseRouter, authorize: ChannelOptions['authorize']): Promise<Served> {
  const routes = (router: SseRouter) => {
    for (const path of ['/rooms/:channel', '/rooms']) sse.pubSub(path, { authorize })
    const keyOf = (ctx: Context) => ctx.params.key
    sse.streamGen('/runs/:key', ({ key, signal }) => rowsOf(key, signal), { share: keyOf, linger: 0 })
    router.use(sse.routes())
  }
  return serve(routes)
}

async function* rowsOf(key: string, signal: AbortSignal) {
  for (let n = 0; n < 3; n += 1) yield key === 'staff' ? `${SECRET} ${n}` : `row ${n}`
  await new Promise(resolve => signal.addEventListener('abort', resolve))
}

async function idsOfRun({ server }: Served, path: string): Promise<string[]> {
  const stream = await openStream(server, { path })
  const events = await stream.take(3)
  await stream.close()
  return events.map(({ id = '' }) => id)
}

describe('what is secret is in no error, warning, health() or stats():', () => {
  test.each([
    ['redisPlugin', (url: string) => redisPlugin({ url, timeout: 300 })],
    ['redisPubSubPlugin', (url: string) => redisPubSubPlugin({ url, timeout: 300 })],
  ])('the password of Redis, which %s is refused, or cannot use', async (_name, plugin) => {
    await using redis = await startRedis({ password: 'right' })
    const told: unknown[] = []
    const warned = (warning: Error) => told.push(warning)
    process.on('warning', warned)
    for (const port of [redis.port, await freePort()]) {
      const pubsub = new PubSub({
        plugin: plugin(`redis://feed:${SECRET}@127.0.0.1:${port}`),
        onError: error => told.push(error),
      })
      told.push(await pubsub.ready().catch(error => error))
      told.push(await pubsub.publish('x').catch(error => error))
      told.push(pubsub.health())
      await pubsub.close()
    }
    process.off('warning', warned)
    expect(() => plugin(`http://feed:${SECRET}@127.0.0.1`)).toThrow(/^url must be like/)
    expect(told.length).toBeGreaterThan(5)
    expect(logged(told)).toMatch(/ERR_SSE_CREDENTIALS[\s\S]*ERR_SSE_UNREACHABLE/)
    expect(logged(told)).not.toContain(SECRET)
  })

  test('the data of events, which Redis refuses, or others have written in no format', async () => {
    await using redis = await startRedis()
    const told: unknown[] = []
    const onError = (error: unknown) => told.push(error)
    const feed = new PubSub({ plugin: redisPlugin({ url: redis.url }), onError })
    const flask = new PubSub({ plugin: redisPubSubPlugin({ url: redis.url, format: 'flask-sse' }), onError })
    await flask.subscribe('news').ready
    await feed.subscribe('news').ready
    await redis.redis.publish('news', SECRET)
    await redis.redis.publish('news', JSON.stringify({ data: 1, retry: SECRET, id: SECRET }))
    await redis.redis.publish('eventfeed:{news}', `${SECRET}\n${SECRET}`)
    await until(async () => flask.rejected === 2 && feed.rejected === 1)
    await redis.redis.config('SET', 'maxmemory', 1)
    told.push(await feed.publish(SECRET, { channel: 'news' }).catch(error => error))
    await redis.redis.config('SET', 'maxmemory', 0)
    told.push(feed.health(), flask.health())
    await Promise.all([feed.close(), flask.close()])
    expect(logged(told)).toMatch(/ERR_SSE_MESSAGE[\s\S]*ERR_SSE_REFUSED/)
    expect(logged(told)).not.toContain(SECRET)
  })

  test('tokens in queries, cookies and the data of runs', async () => {
    await using served = await serve(sse => {
      sse.streamGen(
        '/runs',
        async function* () {
          yield new ServerSentEvent(SECRET)
          throw new Error('the source failed')
        },
        { share: true, linger: 0 },
      )
      sse.pubSub('/rooms', { authorize: ctx => ctx.throw(401, 'Log in') })
      sse.streamFunc('/none', () => Promise.reject(new Error('no value')))
    })
    const path = (mount: string) => `${mount}?token=${SECRET}&channel=a&lastEventId=${SECRET}`
    for (const mount of ['/runs', '/rooms', '/none']) {
      const client = await connectRaw(
        served.port,
        get(path(mount), { Cookie: `session=${SECRET}`, Connection: 'close' }),
      )
      await client.end()
    }
    expect(served.errors.map(({ message }) => message)).toEqual(['the source failed', 'Log in', 'no value'])
    expect(logged([served.errors, served.sse.stats(), served.sse.health()])).not.toContain(SECRET)
  })
})
