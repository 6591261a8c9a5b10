import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import {
  type Func,
  type FuncOptions,
  ServerSentEvent,
  type Source,
  type SourceOptions,
  streamFunc,
  streamGen,
} from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { connectRaw, deferred, get, serve, turns } from './support.js'

const END = { event: 'stream-end', id: 'stream-end', data: '{}' }

/** The data of every event that a source sends until its end. */
async function dataOf(source: Source): Promise<string[]> {
  await using served = await serve(sse => sse.streamGen('/s', source, { end: false }))
  const stream = await openStream(served.server, { path: '/s' })
  const events = await stream.ended()
  await stream.close()
  return events.map(event => event.data)
}

describe('streamGen', () => {
  test.each<[string, Source]>([
    ['an array', ['a', { b: 1 }, 2]],
    ['a set', new Set(['a', { b: 1 }, 2])],
    ['an iterable of promises', [Promise.resolve('a'), { b: 1 }, 2]],
    [
      'an async iterable',
      {
        async *[Symbol.asyncIterator]() {
          yield* ['a', { b: 1 }, 2]
        },
      },
    ],
    [
      'a generator function',
      function* () {
        yield* ['a', { b: 1 }, 2]
      },
    ],
    [
      'an async generator function',
      async function* () {
        yield* ['a', { b: 1 }, 2]
      },
    ],
    ['a function that returns an iterable', () => ['a', { b: 1 }, 2]],
    ['an async function that returns an iterable', async () => ['a', { b: 1 }, 2]],
    [
      'a generator that yields undefined in between, which sends nothing',
      function* () {
        yield* [undefined, 'a', undefined, { b: 1 }, 2, undefined]
      },
    ],
  ])('F2: streams %s', async (_name, source) => {
    expect(await dataOf(source)).toEqual(['a', '{"b":1}', '2'])
  })

  test('streams an iterable again to every client', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['a', 'b']))
    const streams = await Promise.all([1, 2].map(() => openStream(served.server, { path: '/s' })))
    for (const stream of streams) {
      expect((await stream.ended()).map(event => event.data)).toEqual(['a', 'b', '{}'])
      await stream.close()
    }
  })

  test('F10: two viewers of a generator do not disturb each other', async () => {
    const gates = [deferred(), deferred()]
    let viewers = 0
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        const gate = gates[viewers++]
        yield 1
        await gate?.promise
        yield 2
      }),
    )
    const first = await openStream(served.server, { path: '/s' })
    await first.take(1)
    const second = await openStream(served.server, { path: '/s' })
    await second.take(1)
    gates[1]?.resolve()
    expect((await second.take(1))[0]?.data).toBe('2')
    gates[0]?.resolve()
    expect((await first.take(1))[0]?.data).toBe('2')
    await first.close()
    await second.close()
  })

  test('gives its function the context, and the last event ID that a client reconnects with', async () => {
    const source: Source = ({ ctx, lastEventId, signal }) => [ctx.path, lastEventId ?? 'none', signal.aborted]
    await using served = await serve(sse => sse.streamGen('/s', source))
    const seen = async (path: string, headers: Record<string, string> = {}) => {
      await using client = await connectRaw(served.port, get(path, { Connection: 'close', ...headers }))
      return [...(await client.end()).matchAll(/^data: (.*)$/gm)].slice(0, 3).map(match => match[1])
    }
    expect(await seen('/s')).toEqual(['/s', 'none', 'false'])
    expect(await seen('/s', { 'Last-Event-ID': '7' })).toEqual(['/s', '7', 'false'])
    expect(await seen('/s?lastEventId=8')).toEqual(['/s', '8', 'false'])
    expect(await seen('/s?lastEventId=8&lastEventId=9')).toEqual(['/s', '9', 'false'])
    expect(await seen('/s?lastEventId=')).toEqual(['/s', 'none', 'false'])
    expect(await seen('/s?lastEventId=8', { 'Last-Event-ID': '7' })).toEqual(['/s', '7', 'false'])
    expect(await seen('/s', { 'Last-Event-ID': 'ünïcødé 🎈' })).toEqual(['/s', 'ünïcødé 🎈', 'false'])
  })

  test('C4: pulls nothing for a client that does not read, goes on when it reads again, and loses nothing', async () => {
    let pulled = 0
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        async function* () {
          for (; pulled < 20_000; pulled++) yield `${pulled} ${'x'.repeat(1_000)}`
        },
        { end: false },
      ),
    )
    let socket: Socket | undefined
    served.server.once('connection', accepted => {
      socket = accepted
    })
    const stream = await openStream(served.server, { path: '/s' })
    stream.pause()
    // The kernel's buffers take some megabytes first; then the count stands still.
    let before = -1
    while (pulled !== before) {
      before = pulled
      await turns(200)
    }
    expect(pulled).toBeLessThan(15_000)
    expect(socket?.writableLength).toBeGreaterThan(0)
    expect(socket?.writableLength).toBeLessThan(65_536 + 16_384 + 2_000)
    stream.resume()
    const numbers = (await stream.ended()).map(event => Number.parseInt(event.data, 10))
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
    await stream.close()
  })

  test.each<[string, unknown, SourceOptions, ErrorConstructor, string]>([
    ['nothing', undefined, {}, TypeError, 'an iterable'],
    ['a string, which is one value', 'hello', {}, TypeError, 'an iterable'],
    ['a number', 1, {}, TypeError, 'an iterable'],
    ['an object that cannot be iterated', {}, {}, TypeError, 'an iterable'],
    [
      'a generator object, which only one client could read',
      (function* () {})(),
      {},
      TypeError,
      'a function that makes one',
    ],
    [
      'a web stream, which only one client could read',
      new ReadableStream(),
      {},
      TypeError,
      'a function that makes one',
    ],
    [
      'an unknown option',
      [],
      { keepalive: 5 } as SourceOptions,
      TypeError,
      "no option 'keepalive': it takes keepAlive",
    ],
    ['options that are null', [], null as never, TypeError, 'options must be an object, not null'],
    ['keepAlive 0', [], { keepAlive: 0 }, RangeError, 'keepAlive must be a positive number'],
    ['a keepAlive longer than a timer can be', [], { keepAlive: 2 ** 31 }, RangeError, 'at most 2147483647'],
    ['keepAlive as a string', [], { keepAlive: '15s' as never }, TypeError, 'keepAlive must be a number, not string'],
    ['maxBuffered NaN', [], { maxBuffered: Number.NaN }, RangeError, 'maxBuffered must be a positive integer'],
    ['a fraction of a byte', [], { maxBuffered: 1000.5 }, RangeError, 'maxBuffered must be a positive integer'],
    ['retry 0', [], { retry: 0 }, TypeError, 'retry must be a positive integer'],
    ['methods as a string', [], { methods: 'POST' as never }, TypeError, "['GET', 'POST']"],
    ['no methods', [], { methods: [] }, TypeError, "['GET', 'POST']"],
    ['end as a string', [], { end: 'no' as never }, TypeError, 'end must be true or false, not string'],
    ['authorize as a value', [], { authorize: true as never }, TypeError, 'authorize must be a function'],
  ])('refuses %s at registration', (_name, source, options, type, message) => {
    expect(() => streamGen(source as Source, options)).toThrow(type)
    expect(() => streamGen(source as Source, options)).toThrow(message)
  })

  test.each([
    ['nothing', undefined],
    ['a string', 'hello'],
    ['a promise of null', Promise.resolve(null)],
  ])('answers 500 and reports a TypeError when its function returns %s', async (_name, result) => {
    await using served = await serve(sse => sse.streamGen('/s', (() => result) as unknown as Source))
    expect((await fetch(`${served.url}/s`)).status).toBe(500)
    expect(served.errors).toEqual([
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('must return an iterable') }),
    ])
  })
})

describe('streamFunc', () => {
  test.each<[string, Func, FuncOptions, string[]]>([
    ['F1: limit 3 sends three events', () => 'x', { limit: 3 }, ['x', 'x', 'x']],
    ['F1: limit 0 sends none', () => 'x', { limit: 0 }, []],
    ['awaits an async function', async () => ({ a: 1 }), { limit: 1 }, ['{"a":1}']],
    ['sends events as they are', () => new ServerSentEvent(1, { event: 'n' }), { limit: 1 }, ['1']],
    ['sends nothing for undefined', sequence(1, undefined, undefined, 2), { limit: 2 }, ['1', '2']],
    ['sends repeated results', sequence(1, 1, { a: 1 }, { a: 1 }), { limit: 4 }, ['1', '1', '{"a":1}', '{"a":1}']],
    [
      'sends only changes if asked',
      sequence(1, 1, { a: 1 }, { a: 1 }, undefined, { a: 1 }, 1),
      { limit: 3, changes: true },
      ['1', '{"a":1}', '1'],
    ],
    [
      'takes another event type for a change',
      sequence(
        new ServerSentEvent(1),
        new ServerSentEvent(1, { event: 'x' }),
        new ServerSentEvent(1, { event: 'x' }),
        2,
      ),
      { limit: 3, changes: true },
      ['1', '1', '2'],
    ],
    ['sends falsy results', sequence(0, false, null, ''), { limit: 4 }, ['0', 'false', 'null', '']],
  ])('%s', async (_name, func, options, data) => {
    await using served = await serve(sse => sse.streamFunc('/s', func, { interval: 1, ...options }))
    const stream = await openStream(served.server, { path: '/s' })
    const events = await stream.ended()
    expect(events.map(event => event.data)).toEqual([...data, '{}'])
    await stream.close()
    expect(served.errors).toEqual([])
  })

  test.each([-1, undefined])('F1: with limit %s it never ends', async limit => {
    await using served = await serve(sse => sse.streamFunc('/s', () => 'x', { interval: 1, limit }))
    const stream = await openStream(served.server, { path: '/s' })
    expect(await stream.take(50)).toHaveLength(50)
    await stream.close()
  })

  test.each<[string, FuncOptions, ErrorConstructor, string]>([
    ['limit -2', { limit: -2 }, RangeError, 'limit must be -1 (no end), 0 or a positive integer, not -2'],
    ['limit 1.5', { limit: 1.5 }, RangeError, 'not 1.5'],
    ['limit NaN', { limit: Number.NaN }, RangeError, 'not NaN'],
    ['limit as a string', { limit: '3' as never }, TypeError, 'limit must be an integer, not string'],
    ['interval 0', { interval: 0 }, RangeError, 'interval must be a positive number'],
    ['interval -1', { interval: -1 }, RangeError, 'interval must be a positive number'],
    ['an interval longer than a timer can be', { interval: 2 ** 31 }, RangeError, 'at most 2147483647'],
    ['changes as a number', { changes: 1 as never }, TypeError, 'changes must be true or false, not number'],
    ['an unknown option', { intervall: 5 } as FuncOptions, TypeError, "no option 'intervall'"],
  ])('refuses %s at registration', (_name, options, type, message) => {
    expect(() => streamFunc(() => 1, options)).toThrow(type)
    expect(() => streamFunc(() => 1, options)).toThrow(message)
  })

  test('refuses what is no function at registration', () => {
    expect(() => streamFunc('x' as never)).toThrow(new TypeError('streamFunc takes a function, not string'))
  })

  test('calls at once, then once an interval, without drifting, and never two calls at a time', async () => {
    const calls: number[] = []
    let running = 0
    let most = 0
    await using served = await serve(sse =>
      sse.streamFunc(
        '/s',
        async () => {
          calls.push(performance.now())
          most = Math.max(most, ++running)
          await new Promise(resolve => setTimeout(resolve, 60))
          running -= 1
          return 'x'
        },
        { interval: 100, limit: 6 },
      ),
    )
    const stream = await openStream(served.server, { path: '/s' })
    await stream.ended()
    await stream.close()
    expect(most).toBe(1)
    // 5 intervals of 100 ms: the 60 ms that each call takes are not added (5 × 160 = 800).
    expect((calls.at(-1) ?? 0) - (calls[0] ?? 0)).toBeLessThan(720)
    expect((calls.at(-1) ?? 0) - (calls[0] ?? 0)).toBeGreaterThan(480)
  })

  test('does not make up for calls that a slow one has delayed', async () => {
    const calls: number[] = []
    await using served = await serve(sse =>
      sse.streamFunc(
        '/s',
        async () => {
          calls.push(performance.now())
          if (calls.length === 1) await new Promise(resolve => setTimeout(resolve, 200))
          return 'x'
        },
        { interval: 20, limit: 5 },
      ),
    )
    await (await fetch(`${served.url}/s`)).text()
    expect((calls[4] ?? 0) - (calls[1] ?? 0)).toBeGreaterThan(50)
  })

  test('ends with its last event, not an interval later', async () => {
    await using served = await serve(sse => sse.streamFunc('/s', () => 'x', { interval: 60_000, limit: 1 }))
    expect(await (await fetch(`${served.url}/s`)).text()).toContain('stream-end')
  })

  test('stops calling when its client has left', async () => {
    let calls = 0
    let signal: AbortSignal | undefined
    await using served = await serve(sse =>
      sse.streamFunc(
        '/s',
        request => {
          signal = request.signal
          return ++calls
        },
        { interval: 5 },
      ),
    )
    const stream = await openStream(served.server, { path: '/s' })
    await stream.take(3)
    await stream.close()
    if (!signal?.aborted) await once(signal as AbortSignal, 'abort')
    const before = calls
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(calls).toBe(before)
  })
})

describe('the end of a finite stream', () => {
  test('F4: is marked, and the reconnect that carries its id is answered 204, which stops an EventSource for good', async () => {
    let runs = 0
    await using served = await serve(sse =>
      sse.streamGen('/s', function* () {
        runs += 1
        yield new ServerSentEvent('job', { id: 'own' })
      }),
    )
    const stream = await openStream(served.server, { path: '/s' })
    expect(await stream.ended()).toEqual([
      expect.objectContaining({ data: 'job', id: 'own' }),
      expect.objectContaining(END),
    ])
    const again = await stream.reconnect()
    expect(again.status).toBe(204)
    await again.close()
    expect((await fetch(`${served.url}/s?lastEventId=stream-end`)).status).toBe(204)
    expect(runs).toBe(1)
  })

  test('is not marked when the mount says so, and a reconnect runs the source again', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['x'], { end: false }))
    for (const headers of [{}, { 'Last-Event-ID': 'stream-end' }]) {
      expect(await (await fetch(`${served.url}/s`, { headers })).text()).toBe(':\ndata: x\n\n')
    }
  })

  test('is not marked when the source fails: the client may try again', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/s', function* () {
        yield 1
        throw new Error('broken')
      }),
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: 1\n\n')
  })
})

describe('authorize', () => {
  test.each([
    ['false', () => false, 403],
    ['a promise of false', async () => false, 403],
    ['something truthy that is not true', () => 'yes' as never, 403],
    ['true', () => true, 200],
    ['a promise of true', async () => true, 200],
  ])('that returns %s answers before any header of the stream', async (_name, authorize, status) => {
    let opened = false
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        () => {
          opened = true
          return []
        },
        { authorize },
      ),
    )
    const response = await fetch(`${served.url}/s`)
    expect(response.status).toBe(status)
    expect(opened).toBe(status === 200)
    if (status === 403) expect(response.headers.get('content-type')).toContain('text/plain')
  })

  test('that throws answers with its error, and guards HEAD too', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/s', [], { authorize: ctx => ctx.throw(401, 'Who are you?') }),
    )
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([401, 'Who are you?'])
    expect((await fetch(`${served.url}/s`, { method: 'HEAD' })).status).toBe(401)
  })
})

/** A function that returns one value after the other. */
function sequence(...values: unknown[]): Func {
  let next = 0
  return () => values[next++ % values.length]
}
