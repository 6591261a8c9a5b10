import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from '@jest/globals'
import cors from '@koa/cors'
import Koa, { type Middleware } from 'koa'
import { type DashboardOptions, ServerSentEvent, SseError, SseRouter } from 'koa-eventfeed'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import mount from 'koa-mount'
import { live } from './end-to-end/live.js'
import { connectRaw, get, type Served, serve } from './support.js'

const page = new URL('../src/dashboard/page/', import.meta.url)
const files = readdirSync(page)
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** A router with channels and a dashboard, in an app. */
function watched(options: DashboardOptions = {}, routes: (sse: SseRouter) => void = () => {}): Promise<Served> {
  return serve(sse => {
    sse.pubSub('/rooms/:channel')
    routes(sse)
    sse.dashboard('/live', options)
  })
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) })

// biome-ignore lint/suspicious/noExplicitAny: what was sent is looked at as it is
const read = (event: TestEvent | undefined): any => JSON.parse(event?.data ?? 'null')

const feed = (target: Served, query = '') => openStream(target.server, { path: `/live/feed${query}` })
const snapshotOf = async (stream: TestStream) => read(await stream.find(({ event }) => event === 'snapshot'))

const historyOf = async ({ url }: Served) => (await (await fetch(`${url}/live/history`)).json()) as object[]
const reasonOf = async (response: Response) => ((await response.json()) as { reason: string }).reason

async function snapshot(target: Served, query = '') {
  await using stream = await feed(target, query)
  return await snapshotOf(stream)
}

describe('who may see it', () => {
  const { NODE_ENV } = process.env
  afterEach(() => {
    process.env.NODE_ENV = NODE_ENV
  })

  test.each(['production', 'staging'])('without authorize it is refused where NODE_ENV is %s', environment => {
    process.env.NODE_ENV = environment
    expect(() => new SseRouter().dashboard('/live')).toThrow(/^Where NODE_ENV is '\w+', a dashboard needs authorize/)
    new SseRouter().dashboard('/live', { authorize: () => true })
  })

  test.each(['development', 'test', undefined])(
    'without authorize it is let through where NODE_ENV is %s',
    environment => {
      if (environment === undefined) delete process.env.NODE_ENV
      else process.env.NODE_ENV = environment
      new SseRouter().dashboard('/live')
    },
  )

  test.each([
    [{ authorise: () => true }, "dashboard has no option 'authorise': it takes authorize, readOnly"],
    [{ authorize: true }, 'authorize must be a function of ctx, not boolean'],
    [{ readOnly: 'yes' }, 'readOnly must be true or false, not string'],
    [null, 'options must be an object, not null'],
  ])('options that cannot be used are refused at registration: %j', (options, message) => {
    expect(() => new SseRouter().dashboard('/live', options as DashboardOptions)).toThrow(new TypeError(message))
  })

  test('who is not authorised gets nothing: no file, no figure, no action', async () => {
    const asked: string[] = []
    await using served = await watched({
      authorize: async ctx => {
        asked.push(ctx.path)
        return ctx.get('X-Key') === 'secret'
      },
    })
    await using client = await live(served.server, '/rooms/a')
    const names = ['', ...files, 'feed', 'watch?channel=a', 'history']
    for (const name of names) {
      const response = await fetch(`${served.url}/live/${name}`)
      expect([name, response.status, await response.text()]).toEqual([name, 403, 'You may not see this page.'])
    }
    const [{ id } = { id: 0 }] = served.sse.connections()
    expect((await post(`${served.url}/live/publish`, { channel: 'a', data: 'x' })).status).toBe(403)
    expect((await post(`${served.url}/live/end`, { id })).status).toBe(403)
    expect((await fetch(`${served.url}/live`, { redirect: 'manual' })).status).toBe(403)
    expect(asked.length).toBe(names.length + 3)
    expect(client.events).toHaveLength(1)
    const allowed = await fetch(`${served.url}/live/`, { headers: { 'X-Key': 'secret' } })
    expect(await allowed.text()).toContain('<title>Live view</title>')
  })

  test('what authorize throws is answered, as from any middleware', async () => {
    await using served = await watched({
      authorize: ctx => ctx.throw(401, { headers: { 'WWW-Authenticate': 'Basic realm="live view"' } }),
    })
    const response = await fetch(`${served.url}/live/`)
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([401, 'Basic realm="live view"'])
  })

  test('a date that authorize gives ends its streams then, and a date that is past opens none', async () => {
    let until = Date.now() + 400
    await using served = await watched({ authorize: () => new Date(until) })
    await using stream = await feed(served)
    await snapshotOf(stream)
    expect((await stream.ended()).at(-1)?.event).not.toBe('stream-end')
    expect(Date.now()).toBeGreaterThanOrEqual(until)
    until = Date.now() - 1
    expect((await feed(served)).status).toBe(403)
  })

  test.each([
    ['through a proxy', { 'X-Forwarded-For': '203.0.113.7' }],
    ['under a name that is not this machine', { Host: 'rebound.example' }],
  ])('without authorize it is not shown %s', async (_, headers) => {
    await using served = await watched()
    await using client = await connectRaw(served.port, requestFor('/live/', { Host: 'localhost', ...headers }))
    expect(await client.until(/\r\n\r\n./)).toMatch(/^HTTP\/1\.1 403 /)
    await using local = await connectRaw(served.port, requestFor('/live/', { Host: 'localhost:3000' }))
    expect(await local.until(/\r\n\r\n./)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

const requestFor = (path: string, headers: Record<string, string>) => get(path, headers).replace('Host: test\r\n', '')

describe('what it answers', () => {
  test('nothing may be run, loaded or framed from elsewhere, nor kept, whatever is asked for', async () => {
    await using served = await watched()
    for (const name of ['', ...files, 'history', 'feed']) {
      const response = await fetch(`${served.url}/live/${name}`)
      const { status, headers } = response
      await (name === 'feed' ? response.body?.cancel() : response.text())
      expect([name, status]).toEqual([name, 200])
      expect(headers.get('Content-Security-Policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; /,
      )
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Referrer-Policy')).toBe('no-referrer')
      expect(headers.get('Cache-Control')).toMatch(/^no-store$|^no-cache, no-transform$/)
    }
  })

  test('what the page holds needs nothing from elsewhere, and has no script or style of its own in it', () => {
    for (const name of files) {
      const text = readFileSync(new URL(name, page), 'utf8').replaceAll('http://www.w3.org/2000/svg', '')
      expect([name, /https?:|\/\/[a-z]|@import|url\(/.exec(text.replaceAll(/^\s*\/\/ .*$/gm, ''))?.[0]]).toEqual([
        name,
        undefined,
      ])
    }
    const html = readFileSync(new URL('index.html', page), 'utf8')
    expect(html).not.toMatch(/ style=| on\w+=|<style|<script(?! type="module" src=)/)
  })

  test('its address gets a slash, so that all others are relative to it, wherever it is mounted', async () => {
    const sse = new SseRouter({ prefix: '/sse' }).dashboard('/live')
    const inner = new Koa().use(sse.routes())
    await using served = await serve(() => {}, { before: [mount('/app', inner) as Middleware] })
    const redirect = await fetch(`${served.url}/app/sse/live?a=1`, { redirect: 'manual' })
    expect([redirect.status, redirect.headers.get('Location')]).toEqual([302, 'live/?a=1'])
    const response = await fetch(`${served.url}/app/sse/live?a=1`)
    expect([response.url, response.status]).toEqual([`${served.url}/app/sse/live/?a=1`, 200])
    expect((await fetch(new URL('main.js', response.url))).headers.get('Content-Type')).toMatch(/javascript/)
    await sse.close()
  })

  test.each(['/live/nothing', '/live/../router.ts', '/live/%2e%2e%2frouter.ts', '/live/feed/more', '/lively'])(
    'there is no %s',
    async path => {
      await using served = await watched()
      await using client = await connectRaw(served.port, get(path, { Connection: 'close' }))
      expect(await client.end()).toMatch(/^HTTP\/1\.1 404 /)
    },
  )

  test('methods that mean nothing are answered 405', async () => {
    await using served = await watched()
    for (const [name, allowed] of [
      ['', 'GET, HEAD'],
      ['main.js', 'GET, HEAD'],
      ['feed', 'GET, HEAD'],
    ]) {
      const response = await post(`${served.url}/live/${name}`, {})
      expect([response.status, response.headers.get('Allow')]).toEqual([405, allowed])
    }
    const got = await fetch(`${served.url}/live/end`)
    expect([got.status, got.headers.get('Allow')]).toEqual([405, 'POST'])
    expect((await fetch(`${served.url}/live/`, { method: 'HEAD' })).status).toBe(200)
  })

  test.each([
    ['by what browsers say', { 'Sec-Fetch-Site': 'cross-site' }],
    ['from another host of the same site', { 'Sec-Fetch-Site': 'same-site' }],
    ['by its origin, without TLS', { Origin: 'http://elsewhere.example' }],
    ['from a page without an origin', { Origin: 'null' }],
  ])('another site can neither read nor do anything, %s, whatever CORS allows', async (_, headers) => {
    const before = [cors({ origin: ctx => ctx.get('Origin'), credentials: true })]
    await using served = await serve(sse => sse.pubSub('/rooms/:channel').dashboard('/live'), { before })
    await using client = await live(served.server, '/rooms/a')
    const [{ id } = { id: 0 }] = served.sse.connections()
    expect((await post(`${served.url}/live/publish`, { channel: 'a', data: 'x' }, headers)).status).toBe(403)
    expect((await post(`${served.url}/live/end`, { id }, headers)).status).toBe(403)
    for (const name of ['feed', 'history', 'watch?channel=a']) {
      expect((await fetch(`${served.url}/live/${name}`, { headers })).status).toBe(403)
    }
    await served.sse.publish('the first that comes', { channel: 'a' })
    expect((await client.next())?.data).toBe('the first that comes')
    const { host } = new URL(served.url)
    expect((await fetch(`${served.url}/live/history`, { headers: { Origin: `http://${host}` } })).status).toBe(200)
  })
})

describe('what it shows', () => {
  test('channels, connections, totals and runs, but not its own streams', async () => {
    await using served = await watched({}, sse =>
      sse.streamFunc('/price', () => 7, { share: () => 'EUR', interval: 20 }),
    )
    await using first = await live(served.server, '/rooms/a')
    await using second = await live(served.server, '/rooms/a')
    await using price = await openStream(served.server, { path: '/price' })
    await price.find(({ data }) => data === '7')
    await served.sse.publish('hello', { channel: 'a' })
    await Promise.all([first.next(), second.next()])
    await using other = await feed(served)
    await snapshotOf(other)
    const shown = await snapshot(served)
    expect(shown.process).toMatchObject({ pid: process.pid, node: process.version })
    expect(shown.health).toEqual({ publishing: true, receiving: true, closing: false })
    expect(shown.sample.connections).toBe(3)
    expect(shown.totals).toMatchObject({ connections: 3, accepted: 3, channels: 1, runs: 1, failures: 0 })
    expect(shown.channels.rows).toEqual([expect.objectContaining({ name: 'a', followers: 2, events: 1, lag: 0 })])
    expect(shown.connections.rows).toContainEqual(
      expect.objectContaining({
        address: expect.stringContaining('127.0.0.1'),
        path: '/rooms/:channel',
        channel: 'a',
        held: 0,
      }),
    )
    expect(shown.connections.total).toBe(3)
    expect(shown.runs.rows).toEqual([
      expect.objectContaining({ mount: '/price', key: 'EUR', viewers: 1, holder: true }),
    ])
  })

  test('of a failure its name and code, never its message; the same ones as one', async () => {
    await using served = await watched({}, sse => {
      sse.streamFunc('/broken', () => Promise.reject(new SseError('ERR_SSE_REFUSED', 'hunter2')))
    })
    for (let times = 0; times < 2; times += 1) expect((await fetch(`${served.url}/broken`)).status).toBe(500)
    await using stream = await openStream(served.server, { path: '/rooms/a', lastEventId: 'of-no-event' })
    await stream.find(({ event }) => event === 'stream-reset')
    const shown = await snapshot(served)
    expect(shown.incidents).toEqual([
      expect.objectContaining({ kind: 'hole', where: 'a', count: 1 }),
      { at: expect.any(Number), kind: 'failure', what: 'SseError ERR_SSE_REFUSED', where: '/broken', count: 2 },
    ])
    expect(JSON.stringify(shown)).not.toContain('hunter2')
    expect(served.errors).toHaveLength(2)
  })

  test('of 10,000 channels those that match, the most followed first', async () => {
    await using served = await watched()
    const { pubsub } = served.sse
    const subscriptions = Array.from({ length: 10_000 }, (_, n) => pubsub.subscribe(`room/${n}`))
    subscriptions.push(pubsub.subscribe('room/77'), pubsub.subscribe('room/4242'))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const { channels } = await snapshot(served)
    expect([channels.total, channels.matched, channels.rows.length]).toEqual([10_000, 10_000, 50])
    const names = channels.rows.map(({ name }: { name: string }) => name)
    const rest = Array.from({ length: 10_000 }, (_, n) => `room/${n}`).filter(name => !names.slice(0, 2).includes(name))
    expect(names).toEqual(['room/4242', 'room/77', ...rest.sort().slice(0, 48)])

    await pubsub.publish('x', { channel: 'room/4299' })
    const searched = (await snapshot(served, '?channels=%20ROOM/42&channelsBy=events')).channels
    expect([searched.total, searched.matched, searched.rows.length]).toEqual([10_000, 111, 50])
    expect(searched.rows[0].name).toBe('room/4299')
    await Promise.all(subscriptions.map(subscription => subscription.return()))
  })

  test('connections that are searched by address, key, path or channel, in the order that is asked for', async () => {
    const key = (channel: unknown) => `user-${channel}`
    await using served = await serve(
      sse => sse.pubSub('/rooms/:channel').pubSub('/other/:channel').dashboard('/live'),
      { router: { connectionKey: ctx => key(ctx.params.channel) } },
    )
    const streams = []
    for (const path of ['/rooms/ann', '/rooms/bob', '/other/cid']) streams.push(await live(served.server, path))
    await served.sse.publish('x', { channel: 'bob' })
    await streams[1]?.next()
    const keysOf = async (query: string) =>
      (await snapshot(served, query)).connections.rows.map((row: { key: string }) => row.key)
    expect(await keysOf('')).toEqual(['user-ann', 'user-bob', 'user-cid'])
    expect(await keysOf('?connectionsBy=events')).toEqual(['user-bob', 'user-ann', 'user-cid'])
    expect(await keysOf('?connections=OTHER')).toEqual(['user-cid'])
    expect(await keysOf('?connections=user-b')).toEqual(['user-bob'])
    expect(await keysOf('?connections=127.0.0.1&connectionsBy=nonsense')).toHaveLength(3)
    expect(await keysOf(`?connections=${'"\\%00🙂'.repeat(40)}`)).toEqual([])
    await Promise.all(streams.map(stream => stream.close()))
  })

  test('pages that ask the same are sent one snapshot, made once', async () => {
    await using served = await watched()
    await using one = await feed(served, '?channels=a')
    const first = await one.find(({ event }) => event === 'snapshot')
    await using two = await feed(served, '?channels=a')
    await using three = await feed(served, '?channels=b')
    const isNext = ({ event, id }: TestEvent) => event === 'snapshot' && id !== first.id
    const [next, same, other] = await Promise.all([one.find(isNext), two.find(isNext), three.find(isNext)])
    expect(same).toEqual(next)
    expect(other.id).not.toBe(next.id)
  })

  test('rates since a second ago, and those of before the page was opened', async () => {
    await using served = await watched()
    await using reader = await live(served.server, '/rooms/a')
    expect(await historyOf(served)).toEqual([])
    const stream = await feed(served)
    const { sample } = await snapshotOf(stream)
    expect(sample).toEqual({
      at: expect.any(Number),
      connections: 1,
      rss: expect.any(Number),
      heap: expect.any(Number),
    })
    for (let n = 0; n < 10; n += 1) await served.sse.publish('x', { channel: 'a' })
    const next = (await snapshotOf(stream)).sample
    const seconds = (next.at - sample.at) / 1_000
    expect(next.published * seconds).toBeCloseTo(10, 0)
    expect(next.events * seconds).toBeCloseTo(10, 0)
    expect(next.bytes * seconds).toBeGreaterThan(10 * 'data: x\n\n'.length - 1)
    expect(next).toMatchObject({ accepted: 0, cpu: expect.any(Number), delay: expect.any(Number) })
    await stream.close()
    expect((await historyOf(served)).slice(0, 2)).toEqual([sample, next])
    expect(reader.events).not.toHaveLength(0)
  })
})

describe('what it does', () => {
  test('it publishes a test event, and says what cannot be one', async () => {
    await using served = await watched()
    await using client = await live(served.server, '/rooms/a')
    const url = `${served.url}/live/publish`
    expect(await (await post(url, { channel: 'a', event: 'greeting', data: 'hello' })).json()).toMatchObject({
      status: 'success',
    })
    expect(await client.next()).toMatchObject({ event: 'greeting', data: 'hello' })
    const refused = await post(url, { channel: 'a\n', data: 'x' })
    expect([refused.status, await reasonOf(refused)]).toEqual([400, expect.stringContaining('control characters')])
    expect((await post(url, { channel: 'a', data: 'x'.repeat(70_000) })).status).toBe(413)
    expect((await fetch(url, { method: 'POST', body: new URLSearchParams({ data: 'x' }) })).status).toBe(400)
  })

  test('it ends the connection of an id, whose client can come back, and no other', async () => {
    await using served = await watched()
    await using client = await live(served.server, '/rooms/a')
    await using other = await live(served.server, '/rooms/b')
    const [{ id } = { id: 0 }] = served.sse.connections()
    const ended = await post(`${served.url}/live/end`, { id })
    expect(await ended.json()).toEqual({ status: 'success', message: `Connection ${id} is ended.` })
    await client.ended()
    const again = await post(`${served.url}/live/end`, { id })
    expect([again.status, await again.json()]).toEqual([
      404,
      { status: 'fail', reason: `Connection ${id} is gone already.` },
    ])
    await served.sse.publish('still here', { channel: 'b' })
    expect((await other.next())?.data).toBe('still here')
    expect(served.sse.stats().ended).toEqual({ disconnected: 1 })
  })

  test.each([
    ['an id that is a text', '{"id":"1"}', JSON_TYPE],
    ['an id that is no whole number', '{"id":1.5}', JSON_TYPE],
    ['a list', '[1]', JSON_TYPE],
    ['what is not JSON', '{"id":1', JSON_TYPE],
    ['a large body', `{"id":1,"more":"${'x'.repeat(2_000)}"}`, JSON_TYPE],
    ['JSON that says it is a text', '{"id":1}', { 'Content-Type': 'text/plain' }],
  ])('it ends nothing for %s', async (_, body, headers) => {
    await using served = await watched()
    await using _client = await live(served.server, '/rooms/a')
    const response = await fetch(`${served.url}/live/end`, { method: 'POST', headers, body })
    expect([response.status, await response.json()]).toEqual([400, { status: 'fail', reason: expect.any(String) }])
    expect([...served.sse.connections()]).toHaveLength(1)
    expect(served.errors).toEqual([])
  })

  test('read only, it does neither, and says so to its page', async () => {
    await using served = await watched({ readOnly: true })
    await using _client = await live(served.server, '/rooms/a')
    expect((await snapshot(served)).readOnly).toBe(true)
    const [{ id } = { id: 0 }] = served.sse.connections()
    expect((await post(`${served.url}/live/end`, { id })).status).toBe(404)
    expect((await post(`${served.url}/live/publish`, { channel: 'a', data: 'x' })).status).toBe(404)
    expect(served.sse.stats()).toMatchObject({ connections: 1, published: 0 })
  })
})

describe('a channel that is watched', () => {
  const open = async (served: Served, lastEventId = '') => {
    const stream = await openStream(served.server, { path: '/live/watch?channel=a', lastEventId })
    expect(read(await stream.next())).toMatchObject({ channel: 'a' })
    return stream
  }

  test('is shown with ids, event types and data; of long data the beginning', async () => {
    await using served = await watched()
    await using stream = await open(served)
    const id = await served.sse.publish(new ServerSentEvent('<img src=x>', { event: 'greeting' }), { channel: 'a' })
    const shown = await stream.next()
    expect(shown?.id).toBe(id)
    expect(read(shown)).toEqual({
      entries: [{ at: expect.any(Number), id, event: 'greeting', data: '<img src=x>', bytes: 11 }],
      skipped: 0,
    })
    await served.sse.publish('ä'.repeat(5_000), { channel: 'a' })
    expect(read(await stream.next()).entries).toEqual([
      expect.objectContaining({ data: 'ä'.repeat(2_000), bytes: 10_000 }),
    ])
  })

  test('is gone on with where the connection broke off, also before its first event', async () => {
    await using served = await watched()
    const first = await open(served)
    await first.close()
    await served.sse.publish('one', { channel: 'a' })
    const second = await open(served, first.lastEventId)
    expect(read(await second.next()).entries).toEqual([expect.objectContaining({ data: 'one' })])
    await second.close()
    await served.sse.publish('two', { channel: 'a' })
    await using third = await open(served, second.lastEventId)
    expect(read(await third.next()).entries).toEqual([expect.objectContaining({ data: 'two' })])
  })

  test('of events that come too fast the newest are shown, and how many were not', async () => {
    await using served = await watched()
    await using stream = await open(served)
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => served.sse.publish(String(n), { channel: 'a' })))
    let seen = 0
    let last: string | undefined
    while (last !== '1999') {
      const { entries, skipped } = read(await stream.next())
      expect(entries.length).toBeLessThanOrEqual(100)
      seen += entries.length + skipped
      last = entries.at(-1).data
    }
    expect(seen).toBe(2_000)
    expect(stream.events.length).toBeLessThan(12)
  })

  test.each(['', '?channel=', '?channel=a%00b'])('is refused where it is none: %j', async query => {
    await using served = await watched()
    expect((await fetch(`${served.url}/live/watch${query}`)).status).toBe(400)
  })
})

test('it is there until the router is closed, and then ends its streams, so that the server can close', async () => {
  await using served = await watched()
  const clients = await Promise.all([...'abcde'].map(room => live(served.server, `/rooms/${room}`)))
  await using stream = await feed(served)
  await using watching = await openStream(served.server, { path: '/live/watch?channel=a' })
  await snapshotOf(stream)
  const closed = served.sse.close({ within: 2_500 })
  expect(read(await stream.find(({ data }) => data.includes('"closing":true'))).health.closing).toBe(true)
  await closed
  await Promise.all(clients.map(client => client.ended()))
  await Promise.all([stream.ended(), watching.ended()])
  expect(served.errors).toEqual([])
})

test('the built package has the files of the page', () => {
  expect(readdirSync(new URL('../dist/src/dashboard/page/', import.meta.url))).toEqual(files)
})
