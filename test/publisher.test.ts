import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { type Plugin, type PublisherOptions, PubSub, publisher, SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream } from 'koa-eventfeed/testing'
import { connectRaw, type ServeOptions, serve } from './support.js'

const FAIL = { status: 'fail', message: 'not published' }

async function served(options: PublisherOptions = {}, serving: ServeOptions = {}) {
  const server = await serve(sse => {
    sse.publisher('/publish', options).publisher('/publish/:channel', options).pubSub('/sse')
  }, serving)
  const post = async (body: string | undefined, headers: Record<string, string> = {}, path = '/publish') => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body }),
    })
    return [response.status, JSON.parse((await response.text()) || 'null')] as const
  }
  return { ...server, post }
}

describe.each<[string, ServeOptions]>([
  ['which parses the body itself', {}],
  ['behind a koa-bodyparser', { before: [bodyParser()] }],
])('a publisher %s', (_name, serving) => {
  test('A5: publishes what is posted, and answers with it', async () => {
    await using app = await served({}, serving)
    const stream = await openStream(app.server, { path: '/sse' })
    await stream.find(event => event.event === 'stream-open')
    const data = { message: 'hi' }
    expect(await app.post(JSON.stringify({ data }))).toEqual([200, { status: 'success', message: 'published', data }])
    await app.post(JSON.stringify({ data: 'b', event: 'greeting', id: 0, retry: 5 }))
    const [first, second] = await stream.take(2)
    expect(first).toMatchObject({ data: '{"message":"hi"}' })
    expect(second).toMatchObject({ data: 'b', event: 'greeting', id: '0' })
    expect(stream.retry).toBe(5)
    await stream.close()
  })

  test.each<[string, string | undefined, Record<string, string>, number]>([
    ['an empty body', '', {}, 400],
    ['no body at all', undefined, {}, 400],
    ['an empty object, as a parser makes of an empty body', '{}', {}, 400],
    ['JSON that is no object', '["data"]', {}, 400],
    ['an unknown field', '{"data":1,"type":"x"}', {}, 400],
    ['an id that cannot be sent', '{"data":1,"id":"a\\nb"}', {}, 400],
    ['a retry that cannot be sent', '{"data":1,"retry":0}', {}, 400],
    ['an event type that cannot be sent', '{"data":1,"event":"error"}', {}, 400],
    ['a channel that is no name', '{"data":1,"channel":"a\\u0000"}', {}, 400],
    ['a channel that is no string', '{"data":1,"channel":5}', {}, 400],
    ['a form', 'data=1', { 'Content-Type': 'application/x-www-form-urlencoded' }, 400],
    ['text', 'data', { 'Content-Type': 'text/plain' }, 415],
    ['a body over the limit', JSON.stringify({ data: 'x'.repeat(70_000) }), {}, 413],
  ])('A6: refuses %s, and delivers nothing', async (_what, body, headers, status) => {
    await using app = await served({}, serving)
    const before = await app.sse.pubsub.position()
    const [got, answer] = await app.post(body, headers)
    expect(got).toBe(status)
    expect(answer).toMatchObject(FAIL)
    expect(answer.reason).toMatch(/\w/)
    expect(await app.sse.pubsub.position()).toBe(before)
    expect(app.errors).toEqual([])
  })

  test('takes the whole body as data when the mount says so', async () => {
    await using app = await served({ body: 'data' }, serving)
    const events = app.sse.pubsub.subscribe('news', { limit: 2 })
    await events.ready
    await app.post('{"channel":"x"}', {}, '/publish/news')
    await app.post('[1,2]', {}, '/publish/news')
    expect((await all(events)).map(event => event.data)).toEqual(['{"channel":"x"}', '[1,2]'])
  })
})

test('takes the body that another parser has read, which keeps no raw one', async () => {
  const parser: ServeOptions = {
    before: [
      async (ctx, next) => {
        let text = ''
        for await (const chunk of ctx.req) text += chunk
        Object.assign(ctx.request, { body: JSON.parse(text) })
        await next()
      },
    ],
  }
  await using app = await served({ limit: 100 }, parser)
  expect(await app.post('{"data":"x"}')).toMatchObject([200, { data: 'x' }])
  expect(await app.post(JSON.stringify({ data: 'x'.repeat(100) }))).toMatchObject([413, FAIL])
})

test('A6: broken JSON is refused, and delivers nothing', async () => {
  await using app = await served()
  const before = await app.sse.pubsub.position()
  expect(await app.post('{"data":')).toMatchObject([400, FAIL])
  expect(await app.sse.pubsub.position()).toBe(before)
})

describe('the channel that is published to', () => {
  test.each<[string, PublisherOptions, string, object, string]>([
    ["the body's", {}, '/publish', { channel: 'body' }, 'body'],
    ["the body's before the route's", {}, '/publish/route', { channel: 'body' }, 'body'],
    ["the route's", {}, '/publish/route', {}, 'route'],
    ['sse where none is named', {}, '/publish', {}, 'sse'],
    ["the mount's", { channel: 'mount' }, '/publish/route', {}, 'mount'],
    ["the mount's by a function", { channel: ctx => `for-${ctx.query.user}` }, '/publish?user=ann', {}, 'for-ann'],
  ])('is %s', async (_name, options, path, body, channel) => {
    await using app = await served(options)
    const events = app.sse.pubsub.subscribe(channel, { limit: 1 })
    await events.ready
    expect(await app.post(JSON.stringify({ data: 1, ...body }), {}, path)).toMatchObject([200, {}])
    expect(await all(events)).toMatchObject([{ channel, data: '1' }])
  })

  test('can be no other than that of the mount', async () => {
    await using app = await served({ channel: 'news' })
    expect(await app.post('{"data":1,"channel":"secret"}')).toMatchObject([
      400,
      { reason: "This publishes to 'news' only" },
    ])
  })
})

describe('authorize', () => {
  test('is asked with the channel; what is not true is 403', async () => {
    await using app = await served({ authorize: (ctx, channel) => ctx.get('X-User') === channel })
    expect(await app.post('{"data":1,"channel":"ann"}', { 'X-User': 'ann' })).toMatchObject([200, {}])
    expect(await app.post('{"data":1,"channel":"bob"}', { 'X-User': 'ann' })).toMatchObject([403, FAIL])
  })

  test('may throw its own answer', async () => {
    await using app = await served({ authorize: ctx => ctx.throw(401) })
    const response = await fetch(`${app.url}/publish`, {
      method: 'POST',
      body: '{"data":1}',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(response.status).toBe(401)
  })
})

test('A6: GET is 405', async () => {
  await using app = await served()
  const response = await fetch(`${app.url}/publish`)
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  const middleware = new Koa().use(publisher(new PubSub()))
  const server = middleware.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bare = await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  expect([bare.status, bare.headers.get('allow')]).toEqual([405, 'POST'])
  await new Promise(resolve => server.close(resolve))
})

test('a body over the limit that does not tell its length is 413 too', async () => {
  await using app = await served({ limit: 100 })
  const chunk = `64\r\n{"data":"${'x'.repeat(91)}\r\n`
  await using client = await connectRaw(
    app.port,
    `POST /publish HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
  )
  expect(await client.until(/not published/)).toContain('HTTP/1.1 413 ')
})

test('A7: a plugin that cannot take it is 503, and reported to the app once', async () => {
  const plugin: Plugin = { ...mittPlugin(), publish: () => Promise.reject(new Error('redis://secret is down')) }
  const sse = new SseRouter({ plugin })
  const app = new Koa().use(sse.publisher('/publish').routes())
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/publish`
  const response = await fetch(url, {
    method: 'POST',
    body: '{"data":1}',
    headers: { 'Content-Type': 'application/json' },
  })
  const text = await response.text()
  expect([response.status, JSON.parse(text)]).toMatchObject([503, FAIL])
  expect(text).not.toContain('redis')
  expect(errors.map(error => error.message)).toEqual(['redis://secret is down'])
  await new Promise(resolve => server.close(resolve))
})

test.each<[string, PublisherOptions, ErrorConstructor, string]>([
  ['limit 0', { limit: 0 }, RangeError, 'limit must be a positive integer'],
  ['a limit as text', { limit: '1mb' as never }, TypeError, 'limit must be a number, not string'],
  ['another body', { body: 'json' as never }, TypeError, "one of 'event', 'data'"],
  ['an unknown option', { whole: true } as PublisherOptions, TypeError, "no option 'whole'"],
])('refuses %s at registration', (_name, options, type, message) => {
  expect(() => publisher(new PubSub(), options)).toThrow(type)
  expect(() => publisher(new PubSub(), options)).toThrow(message)
})

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const event of events) list.push(event)
  return list
}
