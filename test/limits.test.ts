import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import Koa, { type Context, type Middleware } from 'koa'
import {
  type ChannelOptions,
  PubSub,
  pubSub,
  SseRouter,
  type SseRouterOptions,
  type StreamOptions,
  streamGen,
} from 'koa-eventfeed'
import { type OpenStreamOptions, openStream, type TestStream } from 'koa-eventfeed/testing'
import { connectionsGone, connectRaw, deferred, garbageCollected, get, type Served, serve } from './support.js'

/** Asks for a stream; undefined if it is sent away. */
async function enter(served: Served, path = '/s', options: OpenStreamOptions = {}): Promise<TestStream | undefined> {
  const stream = await openStream(served.url, { path, ...options })
  if (stream.status === 200 && (await stream.next())) return stream
  await stream.close()
  return undefined
}

/** Opens a stream that must be let in. */
async function open(...asked: Parameters<typeof enter>): Promise<TestStream> {
  const stream = await enter(...asked)
  if (!stream) throw new Error('This stream was sent away')
  return stream
}

/** Asks again and again, until it is let in. */
async function admitted(...asked: Parameters<typeof enter>): Promise<TestStream> {
  for (;;) {
    const stream = await enter(...asked)
    if (stream) return stream
  }
}

async function* endless({ signal }: { signal: AbortSignal }) {
  yield 'in'
  await once(signal, 'abort')
}

/** Rejects if the answer does not come to its end as it should. */
async function answerOf(asked: Promise<Response>) {
  const response = await asked
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const from = (address: string, user?: string): OpenStreamOptions => ({
  headers: { 'X-Forwarded-For': address, ...(user && { 'X-User': user }) },
})

describe('one stream too many', () => {
  const full: SseRouterOptions = { maxConnections: 1 }

  test('is answered 200 and empty, but for a time to come back, and its connection is closed', async () => {
    await using served = await serve(sse => sse.pubSub('/s'), { router: full })
    await using first = await open(served)
    await using second = await connectRaw(served.port, get('/s'))
    expect(await second.end()).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    const { status, headers, text } = await answerOf(fetch(`${served.url}/s`))
    expect([status, headers.get('Content-Type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect(text).toMatch(/^:\nretry: \d+\n$/)
    await served.sse.publish('still here')
    expect(await first.next()).toMatchObject({ data: 'still here' })
    expect(served.errors).toEqual([])
  })

  test.each([
    [undefined, 2_500, 7_500],
    [1_000, 500, 1_500],
  ])('is told another time to come back than others, by retryAfter %s', async (retryAfter, least, most) => {
    await using served = await serve(sse => sse.pubSub('/s'), { router: { ...full, retryAfter } })
    await using _first = await open(served)
    const asked = Array.from({ length: 40 }, () => fetch(`${served.url}/s`).then(response => response.text()))
    const retries = (await Promise.all(asked)).map(text => Number(/^:\nretry: (\d+)\n$/.exec(text)?.[1]))
    const [first, last] = [Math.min(...retries), Math.max(...retries)]
    expect([first >= least, last <= most, last - first > (most - least) / 3]).toEqual([true, true, true])
  })

  test.each([429, 503] as const)('is answered %i with Retry-After where the mount says so', async overload => {
    const router = { ...full, overload: overload === 429 ? 503 : 429, retryAfter: 60_000 } as const
    await using served = await serve(sse => sse.pubSub('/s', { overload }).pubSub('/other'), { router })
    await using _first = await open(served)
    const answers = await Promise.all(['/s', '/other'].map(path => fetch(served.url + path)))
    expect(answers.map(({ status }) => status)).toEqual([overload, router.overload])
    for (const { headers } of answers) {
      const seconds = Number(headers.get('Retry-After'))
      expect([seconds >= 30, seconds <= 90, headers.get('Cache-Control')]).toEqual([true, true, 'no-store'])
    }
  })

  test.each([0, 3_000_000])(
    'is answered 503 with Retry-After, if it was asked for by a POST of %i bytes',
    async size => {
      const routes = (sse: SseRouter) => sse.streamGen('/s', endless, { methods: ['GET', 'POST'] })
      await using served = await serve(routes, { router: full })
      await using _first = await open(served)
      for (let n = 0; n < 3; n++) {
        const { status, headers } = await fetch(`${served.url}/s`, { method: 'POST', body: 'x'.repeat(size) })
        expect([status, Number(headers.get('Retry-After')) > 0]).toEqual([503, true])
      }
    },
  )

  test('is one of any mount for the router, and one of its own for a mount, which takes no place of the router', async () => {
    const routes = (sse: SseRouter) => sse.pubSub('/a', { maxConnections: 1 }).streamGen('/b', endless).pubSub('/c')
    await using served = await serve(routes, { router: { maxConnections: 3 } })
    await using _a = await open(served, '/a')
    for (let n = 0; n < 3; n++) expect(await enter(served, '/a')).toBeUndefined()
    await using _b = await open(served, '/b')
    await using _c = await open(served, '/c')
    for (const path of ['/a', '/b', '/c']) expect(await enter(served, path)).toBeUndefined()
    expect(served.sse.stats()).toMatchObject({ connections: 3, accepted: 3, refused: { connections: 6 } })
  })

  test.each<[string, Middleware]>([
    ['streamGen', streamGen(endless, { maxConnections: 1 })],
    ['pubSub', pubSub(new PubSub(), { maxConnections: 1 })],
  ])('is sent away by a %s without a router too', async (_, middleware) => {
    const app = new Koa().use(middleware)
    await using first = await openStream(app)
    await first.next()
    await using second = await openStream(first.url)
    expect([second.status, await second.ended(), Number(second.retry) > 0]).toEqual([200, [], true])
  })

  test.each([403, 401])('is not what hides from a stranger that it is answered %i', async status => {
    const authorize = (ctx: Context) => ctx.get('X-User') === 'ann' || (status === 401 ? ctx.throw(401) : false)
    await using served = await serve(sse => sse.pubSub('/s', { authorize }), { router: full })
    for (let n = 0; n < 3; n++) expect((await fetch(`${served.url}/s`)).status).toBe(status)
    await using _ann = await open(served, '/s', from('', 'ann'))
    expect((await fetch(`${served.url}/s`)).status).toBe(status)
    expect(served.sse.stats().refused).toEqual({ unauthorized: 4 })
  })

  test('HEAD is none: it takes no place, and is answered when there is none', async () => {
    await using served = await serve(sse => sse.pubSub('/s'), { router: full })
    const heads = () => Promise.all([1, 2, 3].map(() => fetch(`${served.url}/s`, { method: 'HEAD' })))
    expect((await heads()).map(({ status }) => status)).toEqual([200, 200, 200])
    await using _first = await open(served)
    expect((await heads()).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(served.sse.stats()).toMatchObject({ accepted: 1, refused: {} })
  })
})

describe('maxConnectionsPerKey', () => {
  async function proxied(options: SseRouterOptions) {
    const served = await serve(sse => sse.pubSub('/s'), { router: options })
    served.app.proxy = true
    return served
  }

  test.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['2001:db8::1', '2001:db8:0:0:ffff:1:2:3', true],
    ['2001:db8:1:2::', '2001:db8:1:2:3:4:5:6', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1:0:0:0:1', '2001:db8::1', false],
    ['::1', '::2', true],
    ['64:ff9b::10.0.0.1', '64:ff9b::10.0.0.2', false],
  ])('counts by address, of IPv6 the first 64 bits: is %s the same as %s? %s', async (one, other, isSame) => {
    await using served = await proxied({ maxConnectionsPerKey: 1 })
    await using _first = await open(served, '/s', from(one))
    await using second = await enter(served, '/s', from(other))
    expect(second === undefined).toBe(isSame)
    expect(served.sse.stats().refused).toEqual(isSame ? { 'connections-per-key': 1 } : {})
  })

  test('counts by connectionKey, and by address where that knows nobody', async () => {
    const connectionKey = (ctx: Context) => ctx.get('X-User') || undefined
    await using served = await proxied({ maxConnectionsPerKey: 2, connectionKey })
    await using _a1 = await open(served, '/s', from('10.0.0.1', 'ann'))
    await using _a2 = await open(served, '/s', from('10.0.0.2', 'ann'))
    expect(await enter(served, '/s', from('10.0.0.3', 'ann'))).toBeUndefined()
    await using _b1 = await open(served, '/s', from('10.0.0.1', 'bob'))
    await using _n1 = await open(served, '/s', from('10.0.0.1'))
    await using n2 = await open(served, '/s', from('10.0.0.1'))
    expect(await enter(served, '/s', from('10.0.0.1'))).toBeUndefined()
    await n2.close()
    await using _n3 = await admitted(served, '/s', from('10.0.0.1'))
    expect(Array.from(served.sse.connections(), ({ key }) => key).sort()).toEqual(
      ['10.0.0.1', '10.0.0.1', 'ann', 'ann', 'bob'].sort(),
    )
  })

  test('a key of another type is an error of the app, and takes no place', async () => {
    const connectionKey = (ctx: Context) => (ctx.get('X-User') || 7) as string
    await using served = await proxied({ maxConnections: 1, connectionKey })
    expect((await fetch(`${served.url}/s`)).status).toBe(500)
    expect(served.errors.map(({ message }) => message)).toEqual([
      'connectionKey must return a string or undefined, not number',
    ])
    await using _first = await open(served, '/s', from('', 'ann'))
  })
})

/** What the ways to end a stream have in hand. */
interface Stage {
  readonly served: Served
  /** Resolves once `authorize` or a source has been called that waits. */
  readonly asked: Promise<void>
  /** Lets those go on. */
  readonly go: () => void
}

const leave = async (stream: Promise<TestStream>) => (await stream).close()

const quietly = (ctx: Context) => {
  ctx.onerror = () => ctx.res.destroy()
}

describe('a place is given back, once, when', () => {
  test.each<[string, (stage: Stage) => Promise<unknown>]>([
    ['the client leaves', ({ served }) => leave(open(served))],
    ['the source ends', ({ served }) => openStream(served.url, { path: '/ends' }).then(stream => stream.ended())],
    ['the source answers 404', ({ served }) => fetch(`${served.url}/404`)],
    ['the source fails at once', ({ served }) => fetch(`${served.url}/fails`)],
    ['the source fails later', ({ served }) => leave(open(served, '/breaks'))],
    ['the source is none', ({ served }) => fetch(`${served.url}/none`)],
    ['a middleware upstream throws after it', ({ served }) => fetch(`${served.url}/s?throw`)],
    ['a middleware upstream answers something else', ({ served }) => fetch(`${served.url}/s?replace`)],
    ['a middleware upstream cuts the response', ({ served }) => fetch(`${served.url}/s?cut`).catch(() => {})],
    ['no channel can be read', ({ served }) => fetch(`${served.url}/channels?channel=%00`)],
    ['its time is over', async ({ served }) => (await open(served, '/until')).ended()],
    [
      'the server ends it',
      async ({ served }) => {
        await using _stream = await open(served)
        const [connection] = [...served.sse.connections()]
        expect(served.sse.end(connection?.id ?? 0)).toBe(true)
      },
    ],
    ['the client leaves while authorize waits', stage => leaveWhile(stage, '/authorizes')],
    ['the client leaves while the source is prepared', stage => leaveWhile(stage, '/prepares')],
    ['the client leaves while its pipelined request waits for another', stage => leaveWhile(stage, '/slow', '/s')],
    [
      'a client of HTTP/1.0 leaves',
      async ({ served }) => {
        await using client = await connectRaw(served.port, get('/s', {}, '1.0'))
        await client.until(/data: in/)
      },
    ],
  ])('%s', async (_, way) => {
    const [asked, gate] = [deferred(), deferred()]
    const wait = async () => {
      asked.resolve()
      await gate.promise
      return true
    }
    const routes = (sse: SseRouter) => {
      sse
        .streamGen('/s', endless)
        .streamGen('/ends', [1, 2])
        .streamGen('/404', ({ ctx }) => ctx.throw(404))
      sse.streamGen('/fails', () => Promise.reject(new Error('no'))).streamGen('/none', () => 5 as never)
      sse.streamGen('/breaks', async function* () {
        yield 'in'
        throw new Error('broken')
      })
      sse.streamGen('/authorizes', endless, { authorize: wait })
      sse.streamGen('/prepares', async request => {
        await wait()
        return endless(request)
      })
      sse.streamGen('/until', endless, { authorize: () => new Date(Date.now() + 50) }).pubSub('/channels')
      sse.get('/slow', async ctx => {
        await wait()
        ctx.body = ''
      })
    }
    const router = { maxConnections: 1, maxConnectionsPerKey: 1 }
    await using served = await serve(routes, { router, before: [interfering] })
    await way({ served, asked: asked.promise, go: gate.resolve })
    await using _next = await admitted(served)
    expect(await enter(served)).toBeUndefined()
    served.app.proxy = true
    expect(await enter(served, '/s', from('10.0.0.9'))).toBeUndefined()
    expect(served.sse.stats()).toMatchObject({ connections: 1 })
  })

  async function leaveWhile({ served, asked, go }: Stage, ...paths: string[]): Promise<void> {
    await using client = await connectRaw(served.port, paths.map(path => get(path)).join(''))
    await asked
    client.socket.destroy()
    await connectionsGone(served.server)
    go()
  }

  // What comes before the router, and meddles with its response.
  const interfering: Middleware = async (ctx, next) => {
    await next()
    if (ctx.querystring === 'throw') ctx.throw(418)
    if (ctx.querystring === 'replace') ctx.body = 'something else'
    if (ctx.querystring === 'cut') {
      quietly(ctx)
      ctx.res.destroy()
    }
  }

  test('a stream of HTTP/2 is reset, or its session is gone; one too many leaves the session as it is', async () => {
    await using served = await serve(sse => sse.streamGen('/s', endless), { router: { maxConnections: 1 } })
    const server = http2.createServer(served.app.callback()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connect = () => http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const ask = async (session: http2.ClientHttp2Session) => {
      const stream = session.request({ ':path': '/s' })
      let text = ''
      for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        text += chunk
        if (text.includes('data: in')) return { stream, isIn: true }
      }
      expect(text).toMatch(/^:\nretry: \d+\n$/)
      return { stream, isIn: false }
    }
    const admitted = async (session: http2.ClientHttp2Session) => {
      for (;;) {
        const { stream, isIn } = await ask(session)
        if (isIn) return stream
      }
    }
    const [one, other] = [connect(), connect()]
    const first = await admitted(one)
    for (const session of [one, one, other]) expect((await ask(session)).isIn).toBe(false)
    first.close(http2.constants.NGHTTP2_CANCEL)
    await admitted(one)
    expect((await ask(other)).isIn).toBe(false)
    one.destroy()
    const last = await admitted(other)
    expect(served.sse.stats()).toMatchObject({ connections: 1, accepted: 3, ended: { left: 2 } })
    last.close()
    other.close()
    await new Promise(resolve => server.close(resolve))
  })

  test.each<[string, StreamOptions]>([
    ['a date', { authorize: () => new Date(Date.now() + 3_600_000) }],
    ['maxDuration', { authorize: () => true, maxDuration: 3_600_000 }],
  ])(
    'its client has left before it could open, and nothing of it is kept until %s',
    async (_, { authorize, ...options }) => {
      const [asked, gate] = [deferred(), deferred()]
      const contexts: WeakRef<Context>[] = []
      const waiting = async (ctx: Context) => {
        contexts.push(new WeakRef(ctx))
        asked.resolve()
        await gate.promise
        return authorize?.(ctx) ?? false
      }
      await using served = await serve(sse => sse.pubSub('/s', { ...options, authorize: waiting }))
      await leaveWhile({ served, asked: asked.promise, go: gate.resolve }, '/s')
      await garbageCollected(contexts)
    },
  )
})

describe('who was sent away', () => {
  test.each<[string, StreamOptions, SseRouterOptions, number | undefined]>([
    ['is told the usual time again', {}, { maxConnections: 9 }, 3_000],
    ['is told it by a mount with a limit of its own', { maxConnectionsPerKey: 9 }, {}, 3_000],
    ['is told the time of the mount again', { retry: 700 }, { maxConnections: 9 }, 700],
    ['is nobody where there is no limit: browsers keep their own time', {}, { overload: 503 }, undefined],
  ])('%s when it is let in', async (_, options, router, retry) => {
    await using served = await serve(sse => sse.pubSub('/s', options), { router })
    await using stream = await open(served)
    expect(stream.retry).toBe(retry)
  })

  test('as a native EventSource comes back by itself, is let in, and then takes its usual time', async () => {
    const asked: number[] = []
    const noting: Middleware = (_ctx, next) => {
      asked.push(Date.now())
      return next()
    }
    const router = { maxConnections: 1, retryAfter: 20 }
    await using served = await serve(sse => sse.pubSub('/s', { retry: 400 }), { router, before: [noting] })
    const first = await open(served)
    const source = new EventSource(`${served.url}/s`)
    const states: number[] = []
    source.addEventListener('error', () => states.push(source.readyState))
    while (asked.length < 4) await sleep(5)
    await first.close()
    await once(source as never, 'stream-open')
    expect(new Set(states)).toEqual(new Set([source.CONNECTING]))
    const [count, cut] = [asked.length, Date.now()]
    served.server.closeAllConnections()
    await once(source as never, 'stream-open')
    expect((asked[count] ?? 0) - cut).toBeGreaterThanOrEqual(350)
    source.close()
  })
})

describe('maxChannels', () => {
  test.each<[ChannelOptions, number]>([
    [{}, 32],
    [{ maxChannels: 2 }, 2],
    [{ channel: ctx => String(ctx.query.channel).split(','), maxChannels: 3 }, 3],
  ])('of %j answers 400 to who would read one more, and takes no place', async (options, most) => {
    const seen: number[] = []
    const authorize = (_: Context, channels: readonly string[]) => seen.push(channels.length) > 0
    const routes = (sse: SseRouter) => sse.pubSub('/s', options).pubSub('/guarded', { ...options, authorize })
    await using served = await serve(routes, { router: { maxConnections: 2 } })
    const path = (mount: string, count: number) => {
      const names = Array.from({ length: count }, (_, n) => `c${n}`)
      return `${mount}?channel=${names.join(options.channel ? ',' : '&channel=')}`
    }
    for (const mount of ['/s', '/guarded']) {
      expect((await fetch(served.url + path(mount, most + 1))).status).toBe(400)
      await using stream = await open(served, path(mount, most))
      expect(JSON.parse(stream.events[0]?.data ?? '').channels).toHaveLength(most)
    }
    expect(seen).toEqual([most])
    expect(served.sse.stats()).toMatchObject({ refused: { channels: 2 }, accepted: 2 })
  })

  test('counts a channel that is named twice as one, and its name may have 256 characters', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { maxChannels: 1 }))
    await using _stream = await open(served, '/s?channel=a&channel=a&channel=a')
    await using _long = await open(served, `/s?channel=${'n'.repeat(256)}`)
    expect((await fetch(`${served.url}/s?channel=${'n'.repeat(257)}`)).status).toBe(400)
  })
})

describe('every refusal is counted once, and told once,', () => {
  const busy: SseRouterOptions = { maxConnections: 1 }
  const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"data":1}' }

  test.each<[reason: string, status: number, SseRouterOptions, path: string, init?: RequestInit]>([
    ['unauthorized', 403, {}, '/closed'],
    ['unauthorized', 401, {}, '/secret'],
    ['not-acceptable', 406, {}, '/s', { headers: { Accept: 'text/html' } }],
    ['connections', 200, busy, '/s'],
    ['connections', 429, { ...busy, overload: 429 }, '/s'],
    ['connections', 503, busy, '/s', { method: 'POST' }],
    ['connections-per-key', 200, { maxConnectionsPerKey: 1 }, '/s'],
    ['connections-per-key', 503, { maxConnectionsPerKey: 1, overload: 503 }, '/s'],
    ['channels', 400, {}, '/channels?channel=a&channel=b'],
    ['runs', 200, {}, '/runs?key=b'],
    ['unauthorized', 403, {}, '/publish/closed', json],
    ['unauthorized', 401, {}, '/publish/secret', json],
    ['rate', 429, {}, '/publish', json],
    ['size', 413, {}, '/publish/small', json],
    ['cross-site', 403, {}, '/publish/closed', { ...json, headers: { Origin: 'https://elsewhere.example' } }],
  ])('as %s, with status %i', async (reason, status, router, path, ...[init]) => {
    const [closed, secret] = [() => false, (ctx: Context) => ctx.throw(401)]
    const routes = (sse: SseRouter) => {
      sse.streamGen('/s', endless, { methods: ['GET', 'POST'] })
      sse.pubSub('/closed', { authorize: closed }).pubSub('/secret', { authorize: secret })
      sse.pubSub('/channels', { maxChannels: 1 })
      sse.streamGen('/runs', endless, { share: ctx => String(ctx.query.key), maxRuns: 1 })
      sse.publisher('/publish', { rate: 0.01 }).publisher('/publish/small', { limit: 5 })
      sse.publisher('/publish/closed', { authorize: closed }).publisher('/publish/secret', { authorize: secret })
    }
    await using served = await serve(routes, { router })
    const told: unknown[] = []
    served.sse.activity.on('refuse', ({ ctx, ...detail }) => told.push({ path: ctx.path, ...detail }))
    await using _first = await open(served, path.startsWith('/runs') ? '/runs?key=a' : '/s')
    if (reason === 'rate') expect((await fetch(`${served.url}/publish`, json)).status).toBe(200)
    expect((await fetch(served.url + path, init)).status).toBe(status)
    expect(told).toEqual([{ path: path.split('?')[0], reason, status }])
    expect(served.sse.stats()).toMatchObject({ connections: 1, accepted: 1, refused: { [reason]: 1 } })
    expect(Object.keys(served.sse.stats().refused)).toEqual([reason])
  })

  test('as closing, with status 200, once the router is closed', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    await served.sse.close()
    await using stream = await openStream(served.url, { path: '/s' })
    expect([stream.status, await stream.ended(), Number(stream.retry) > 0]).toEqual([200, [], true])
    expect(served.sse.stats().refused).toEqual({ closing: 1 })
  })
})

test('the address of who has left is told too', async () => {
  await using served = await serve(sse => sse.pubSub('/s'))
  const told = new Promise(resolve => served.sse.activity.on('disconnect', resolve))
  await leave(open(served))
  expect(await told).toMatchObject({ connection: { address: expect.stringContaining('127.0.0.1') }, reason: 'left' })
})

describe('limits that cannot be used are refused at registration:', () => {
  test.each<[SseRouterOptions, 'TypeError' | 'RangeError', string]>([
    [{ maxConnections: 0 }, 'RangeError', 'maxConnections must be a positive integer, not 0'],
    [{ maxConnections: 1.5 }, 'RangeError', 'maxConnections must be a positive integer, not 1.5'],
    [{ maxConnections: Number.POSITIVE_INFINITY }, 'RangeError', 'maxConnections must be a positive integer'],
    [{ maxConnections: '9' as never }, 'TypeError', 'maxConnections must be a number, not string'],
    [{ maxConnections: null as never }, 'TypeError', 'maxConnections must be a number, not null'],
    [{ maxConnectionsPerKey: -1 }, 'RangeError', 'maxConnectionsPerKey must be a positive integer, not -1'],
    [{ maxConnectionsPerKey: true as never }, 'TypeError', 'maxConnectionsPerKey must be a number, not boolean'],
    [{ connectionKey: 'user' as never }, 'TypeError', 'connectionKey must be a function of ctx, not string'],
    [{ overload: 500 as never }, 'RangeError', "overload must be 'retry', 429 or 503, not 500"],
    [{ overload: '503' as never }, 'RangeError', "overload must be 'retry', 429 or 503"],
    [{ retryAfter: 0 }, 'RangeError', 'retryAfter must be a positive number'],
    [{ retryAfter: Number.NaN }, 'RangeError', 'retryAfter must be a positive number'],
    [{ retryAfter: '5s' as never }, 'TypeError', 'retryAfter must be a number, not string'],
  ])('%j', (options, name, message) => {
    const error = expect.objectContaining({ name, message: expect.stringContaining(message) })
    const sse = new SseRouter()
    const ways = [() => new SseRouter(options), () => sse.pubSub('/s', options), () => sse.streamGen('/s', [], options)]
    for (const way of [...ways, () => streamGen([], options)]) expect(way).toThrow(error)
  })

  test.each<[ChannelOptions, string]>([
    [{ maxChannels: 0 }, 'maxChannels must be a positive integer, not 0'],
    [{ maxChannels: '3' as never }, 'maxChannels must be a number, not string'],
    [{ maxConections: 3 } as ChannelOptions, "pubSub has no option 'maxConections'"],
  ])('%j', (options, message) => {
    expect(() => new SseRouter().pubSub('/s', options)).toThrow(message)
  })
})
