import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import Koa, { type Context } from 'koa'
import { ServerSentEvent, type SharedRequest, type SourceOptions, SseRouter, streamGen } from 'koa-eventfeed'
import { openStream, type TestStream } from 'koa-eventfeed/testing'
import { deferred } from './support.js'

const isEnd = (event: { event?: string }) => event.event === 'stream-end'
const dataOf = (events: readonly { data: string }[]) => events.map(({ data }) => data)

/** A source whose values are given one by one, and that tells what becomes of it. */
class Tap {
  readonly requests: SharedRequest[] = []
  readonly told = new EventEmitter()
  ended = 0
  #next = deferred<unknown>()
  #waiting = false

  readonly source = (request: SharedRequest) => {
    this.requests.push(request)
    this.told.emit('begun')
    return this.#values(request)
  }

  /** Gives the run its next value, once it asks for one. `END` ends it. */
  async give(value: unknown): Promise<void> {
    if (!this.#waiting) await once(this.told, 'asked')
    this.#waiting = false
    this.#next.resolve(value)
  }

  async *#values({ signal }: SharedRequest): AsyncGenerator<unknown> {
    const aborted = once(signal, 'abort').then(() => END)
    try {
      for (;;) {
        this.#next = deferred<unknown>()
        this.#waiting = true
        this.told.emit('asked')
        const value = await Promise.race([this.#next.promise, aborted])
        if (value === END) return
        if (value instanceof Error) throw value
        yield value
      }
    } finally {
      this.ended += 1
      this.told.emit('ended')
    }
  }
}

const END = Symbol('end')

interface Sharing extends Omit<SourceOptions, 'share'> {
  share?: (ctx: Context) => string | Promise<string>
}

function shared({ share, ...options }: Sharing = {}, path = '/run') {
  const tap = new Tap()
  const sse = new SseRouter()
  sse.streamGen(path, tap.source, { share: share ?? true, ...options })
  return { tap, ...listening(sse, path) }
}

/** A server of a router's streams; leaving its scope closes both. */
function listening(sse: SseRouter, path: string) {
  const app = new Koa().use(sse.routes()).use(sse.allowedMethods())
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  const server = app.listen(0)
  const open = (at = path, headers = {}) => openStream(server, { path: at, headers })
  const close = async () => {
    await sse.close()
    server.close()
    server.closeAllConnections()
  }
  const { port } = server.address() as AddressInfo
  return { sse, app, errors, open, port, [Symbol.asyncDispose]: close }
}

async function rest(stream: TestStream): Promise<string[]> {
  await stream.find(isEnd)
  return stream.text
    .split('\n\n')
    .filter(block => block.includes('data: ') && !block.includes('event: stream-'))
    .map(block => /data: (.*)/.exec(block)?.[1] ?? '')
}

describe('a shared source', () => {
  test('is run once for all viewers, and each gets all of its events', async () => {
    await using run = shared()
    const streams = await Promise.all([1, 2, 3].map(() => run.open()))
    for (const value of ['a', 'b', 'c', END]) await run.tap.give(value)
    for (const stream of streams) expect(await rest(stream)).toEqual(['a', 'b', 'c'])
    expect(run.tap.requests).toHaveLength(1)
  })

  test('is run once for each key, and told it', async () => {
    await using run = shared({ share: ctx => ctx.params.id }, '/jobs/:id')
    const streams = await Promise.all(['1', '2', '1'].map(id => run.open(`/jobs/${id}`)))
    expect(run.tap.requests.map(({ key }) => key).sort()).toEqual(['1', '2'])
    for (const stream of streams) await stream.close()
  })

  test('may refuse by share, and by its function, and is then not run', async () => {
    await using run = shared({ share: ctx => (ctx.query.id === undefined ? ctx.throw(404, 'No such job') : 'x') })
    expect((await run.open()).status).toBe(404)
    expect(run.tap.requests).toEqual([])
    const sse = new SseRouter()
    const asked: string[] = []
    sse.streamGen('/run', ({ ctx }) => ctx.throw(409, `asked ${asked.push(ctx.path)} times`), { share: true })
    await using refusing = listening(sse, '/run')
    for (const times of [1, 2]) {
      const refused = await refusing.open()
      expect([refused.status, asked.length]).toEqual([409, times])
    }
    expect(sse.stats().runs).toEqual([])
  })
})

describe('who comes late', () => {
  test.each([
    ['all', ['a', 'b', 'c', 'd']],
    ['latest', ['c', 'd']],
    ['none', ['d']],
  ] as const)('is given %s of what has been', async (replay, expected) => {
    await using run = shared({ replay })
    const first = await run.open()
    for (const value of ['a', 'b', 'c']) await run.tap.give(value)
    await first.find(({ data }) => data === 'c')
    const late = await run.open()
    if (replay === 'none') await late.find(({ event }) => event === 'stream-open')
    else await late.find(({ data }) => data === 'c')
    await run.tap.give('d')
    await run.tap.give(END)
    expect(await rest(late)).toEqual(expected)
  })

  test('and comes back is given exactly what was missed, by position and by the ids of the source', async () => {
    await using run = shared()
    const first = await run.open()
    for (const id of [1, 2, 3]) await run.tap.give(new ServerSentEvent(`e${id}`, id === 2 ? {} : { id }))
    const events = await first.take(4) // stream-open, and the three
    for (const [index, { id }] of events.entries()) {
      const back = await run.open('/run', { 'Last-Event-ID': id })
      const expected = ['e1', 'e2', 'e3'].slice(index)
      expect(dataOf(await back.take(expected.length))).toEqual(expected)
      await back.close()
    }
  })

  test('to a run that has ended gets its events and its end, not a second run, while that is kept', async () => {
    await using run = shared({ keep: 200 })
    const first = await run.open()
    await run.tap.give('a')
    await run.tap.give(END)
    await first.find(isEnd)
    expect((await first.reconnect()).status).toBe(204)
    expect(await rest(await run.open())).toEqual(['a'])
    expect(run.tap.requests).toHaveLength(1)
    await wait(250)
    const again = await run.open()
    expect(run.tap.requests).toHaveLength(2)
    await again.close()
  })

  test('with an id of a run that is gone is told so, and given the new one', async () => {
    await using run = shared()
    const back = await run.open('/run', { 'Last-Event-ID': 'abcdefgh.7.abcdefgh' })
    await run.tap.give('a')
    expect(await back.take(2)).toMatchObject([{ event: 'stream-reset' }, { data: 'a' }])
  })
})

describe('the life of a run', () => {
  test('goes on while a viewer reloads, and ends some time after the last has left', async () => {
    await using run = shared({ linger: 150 })
    const first = await run.open()
    await run.tap.give('a')
    await first.find(({ data }) => data === 'a')
    await first.close()
    const again = await run.open()
    expect(run.tap.requests).toHaveLength(1)
    expect(run.tap.ended).toBe(0)
    const ended = once(run.tap.told, 'ended')
    await again.close()
    await ended
    expect(run.tap.requests[0]?.signal.aborted).toBe(true)
    await wait(10)
    expect(run.sse.stats().runs).toEqual([])
    const next = await run.open()
    expect(run.tap.requests).toHaveLength(2)
    await next.close()
    expect(run.errors).toEqual([])
  })

  test('detached goes on to its end whoever watches, and who comes later finds that', async () => {
    await using run = shared({ detached: true, linger: 0 })
    const first = await run.open()
    await first.close()
    for (const value of ['a', 'b', END]) await run.tap.give(value)
    await wait(20)
    expect(await rest(await run.open())).toEqual(['a', 'b'])
    expect(run.tap.requests).toHaveLength(1)
  })

  test('detached has a bound: it is stopped, told once, and its viewers get an end that says it failed', async () => {
    await using run = shared({ detached: true, maxAge: 50 })
    const stream = await run.open()
    expect((await stream.find(isEnd)).data).toBe('{"failed":true}')
    expect(run.errors).toMatchObject([{ code: 'ERR_SSE_TIMEOUT' }])
    expect(run.tap.ended).toBe(1)
  })

  test('more runs than may be alive are refused clearly, those that are alive go on', async () => {
    await using run = shared({ share: ctx => ctx.params.id, maxRuns: 2 }, '/jobs/:id')
    const streams = await Promise.all(['1', '2'].map(id => run.open(`/jobs/${id}`)))
    const third = await run.open('/jobs/3')
    await third.ended()
    expect([third.status, third.text]).toEqual([200, expect.stringMatching(/^:\nretry: \d+\n$/)])
    expect(run.sse.stats().refused).toEqual({ runs: 1 })
    streams.push(await run.open('/jobs/2'))
    expect(run.sse.stats().runs).toMatchObject([
      { mount: '/jobs/:id', key: '1', viewers: 1, holder: true },
      { mount: '/jobs/:id', key: '2', viewers: 2, holder: true },
    ])
    for (const stream of streams) await stream.close()
  })

  test('begin begins it before anyone watches, once, and who comes then gets all of it', async () => {
    await using run = shared({ share: ctx => ctx.params.id, detached: true }, '/jobs/:id')
    run.sse.post('/jobs/:id', async ctx => {
      await run.sse.begin(ctx, ctx.params.id)
      ctx.status = 202
    })
    const post = () => fetch(`http://127.0.0.1:${run.port}/jobs/1`, { method: 'POST' })
    expect([(await post()).status, (await post()).status]).toEqual([202, 202])
    for (const value of ['a', 'b']) await run.tap.give(value)
    const stream = await run.open('/jobs/1')
    expect(dataOf(await stream.take(2))).toEqual(['a', 'b'])
    await run.tap.give(END)
    await stream.find(isEnd)
    expect((await post()).status).toBe(202)
    expect(await rest(await run.open('/jobs/1'))).toEqual(['a', 'b'])
    expect(run.tap.requests).toMatchObject([{ key: '1', position: 0 }])
  })

  test('begin stops after linger where nobody comes and it is not detached; it refuses what is no key', async () => {
    await using run = shared({ linger: 30 })
    run.sse.post('/run', async ctx => {
      await run.sse.begin(ctx)
      await expect(run.sse.begin(ctx, '\n')).rejects.toThrow('The key of a run')
      await expect(run.sse.begin(ctx, '', '/other')).rejects.toThrow(
        'begin needs the path of a shared mount: one of /run',
      )
      ctx.status = 202
    })
    const ended = once(run.tap.told, 'ended')
    expect((await fetch(`http://127.0.0.1:${run.port}/run`, { method: 'POST' })).status).toBe(202)
    await ended
    expect(run.sse.stats().runs).toEqual([])
  })

  test('cancel ends it for all viewers, and those who come then', async () => {
    await using run = shared({ share: ctx => ctx.params.id }, '/jobs/:id')
    const stream = await run.open('/jobs/1')
    await run.tap.give('a')
    await stream.find(({ data }) => data === 'a')
    const ended = once(run.tap.told, 'ended')
    await run.sse.cancel('1')
    expect((await stream.find(isEnd)).data).toBe('{"cancelled":true}')
    await ended
    expect(await rest(await run.open('/jobs/1'))).toEqual(['a'])
    expect(run.tap.requests).toHaveLength(1)
    await expect(run.sse.cancel('1', '/other')).rejects.toThrow('one of /jobs/:id')
  })

  test('a failure is told to the app once, to viewers as an end without a word of it, and kept', async () => {
    await using run = shared()
    const streams = [await run.open(), await run.open()]
    await run.tap.give('a')
    await run.tap.give(new Error('the password is 1234'))
    for (const stream of [...streams, await run.open()]) {
      expect((await stream.find(isEnd)).data).toBe('{"failed":true}')
      expect(stream.text).not.toContain('1234')
    }
    expect(run.errors).toMatchObject([{ message: 'the password is 1234' }])
  })

  test('closing the router ends it', async () => {
    await using run = shared({ detached: true })
    const stream = await run.open()
    const ended = once(run.tap.told, 'ended')
    await run.sse.close()
    await ended
    await stream.ended()
    expect(run.errors).toEqual([])
  })
})

describe('what a review found', () => {
  test('who comes after the end is told it whatever is replayed, also where its events are kept no more', async () => {
    for (const replay of ['none', 'latest'] as const) {
      await using run = shared({ replay })
      const first = await run.open()
      for (const value of ['a', 'b', END]) await run.tap.give(value)
      await first.find(isEnd)
      const late = await run.open()
      await late.find(isEnd)
    }
    await using trimmed = shared({ maxEvents: 3 })
    const first = await trimmed.open()
    for (let n = 0; n < 10; n += 1) await trimmed.tap.give(n)
    await trimmed.tap.give(END)
    await first.find(isEnd)
    const late = await trimmed.open()
    await late.find(({ event }) => event === 'stream-reset')
    await late.ended()
    await (await late.reconnect()).find(isEnd)
  })

  test('a viewer that leaves while the first is let in leaves nothing behind, nor two runs', async () => {
    await using run = shared({ linger: 50 })
    const streams = await Promise.all(Array.from({ length: 20 }, () => run.open()))
    await Promise.all(streams.map(stream => stream.close()))
    const again = await run.open()
    expect(run.tap.requests).toHaveLength(1)
    await again.close()
  })

  test('who comes while the function is asked shares its refusal', async () => {
    const sse = new SseRouter()
    const refusing = async ({ ctx }: SharedRequest) => {
      await wait(100)
      return ctx.throw(404)
    }
    sse.streamGen('/run', refusing, { share: true })
    await using run = listening(sse, '/run')
    const opened = await Promise.all([run.open(), wait(50).then(() => run.open())])
    expect(opened.map(({ status }) => status)).toEqual([404, 404])
  })

  test('a source that throws as it is stopped is told, and begins no run that has failed', async () => {
    const sse = new SseRouter()
    let begun = 0
    sse.streamGen(
      '/run',
      async function* ({ signal }) {
        begun += 1
        yield 'a'
        await once(signal, 'abort')
        throw new Error('cannot clean up')
      },
      { share: true, linger: 0 },
    )
    await using run = listening(sse, '/run')
    const stream = await run.open()
    await stream.find(({ data }) => data === 'a')
    const told = once(run.app, 'error')
    await stream.close()
    await told
    const again = await run.open()
    await again.find(({ data }) => data === 'a')
    expect(begun).toBe(2)
    await again.close()
  })

  test('maxAge bounds a source that does not heed its signal, and a locked stream harms nobody', async () => {
    const sse = new SseRouter()
    sse.streamGen(
      '/run',
      async function* () {
        yield 'a'
        await new Promise(() => {})
      },
      { share: true, detached: true, maxAge: 100 },
    )
    const locked = new ReadableStream()
    locked.getReader()
    sse.streamGen('/locked', () => locked as AsyncIterable<unknown>, { share: true })
    await using run = listening(sse, '/run')
    expect((await (await run.open()).find(isEnd)).data).toBe('{"failed":true}')
    expect((await (await run.open('/locked')).find(isEnd)).data).toBe('{"failed":true}')
    expect(run.errors).toHaveLength(2)
  })

  test('two cancels at once send one end, and maxRuns holds for all who come at once', async () => {
    await using run = shared({ share: ctx => ctx.params.id, maxRuns: 2, overload: 503 }, '/jobs/:id')
    const streams = await Promise.all(Array.from({ length: 10 }, (_, n) => run.open(`/jobs/${n}`)))
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(2)
    expect(run.sse.stats().refused).toEqual({ runs: 8 })
    const [one] = streams.filter(({ status }) => status === 200) as [TestStream]
    const key = one.url.split('/').at(-1) as string
    await Promise.all([run.sse.cancel(key), run.sse.cancel(key)])
    await one.ended()
    expect(one.text.match(/event: stream-end/g)).toHaveLength(1)
  })
})

describe('slow viewers', () => {
  test('hold back a run only if there is no faster one, and never where pace is nobody', async () => {
    const sse = new SseRouter()
    let given = 0
    const many = async function* () {
      for (let n = 0; n < 1_000; n += 1) {
        given = n
        yield 'x'.repeat(50_000)
      }
    }
    sse.streamGen('/run', many, { share: true })
    sse.streamGen('/nobody', many, { share: true, pace: 'nobody' })
    await using run = listening(sse, '/run')
    const slow = await run.open()
    slow.pause()
    await wait(300)
    const held = given
    expect(held).toBeLessThan(999)
    const fast = await run.open()
    await fast.find(isEnd)
    slow.resume()
    await slow.find(({ event }) => event === 'stream-end' || event === 'stream-reset')
    const other = await run.open('/nobody')
    other.pause()
    while (given < 999) await wait(10)
  })

  test('are told what they missed of a run that keeps less, and do not slow the others', async () => {
    await using run = shared({ maxEvents: 10 })
    const [slow, fast] = [await run.open(), await run.open()]
    slow.pause()
    for (let n = 0; n < 200; n += 1) await run.tap.give(`${n} ${'x'.repeat(50_000)}`)
    await run.tap.give(END)
    expect(await rest(fast)).toHaveLength(200)
    slow.resume()
    const reset = await slow.find(({ event }) => event === 'stream-reset')
    expect(JSON.parse(reset.data)).toMatchObject({ reason: 'trimmed' })
  })
})

test('a shared function is one poll loop for 1,000 viewers, and each of its events is written once', async () => {
  const sse = new SseRouter()
  let calls = 0
  let written = 0
  const price = () => {
    calls += 1
    const toJSON = () => {
      written += 1
      return written
    }
    return { toJSON }
  }
  sse.streamFunc('/price', price, { share: true, interval: 50 })
  await using run = listening(sse, '/price')
  const streams = await Promise.all(Array.from({ length: 1_000 }, () => run.open()))
  const before = calls
  const texts = await Promise.all(streams.map(stream => stream.take(3)))
  expect(calls - before).toBeLessThan(30)
  expect(texts).toHaveLength(1_000)
  expect(run.sse.stats().runs).toMatchObject([{ viewers: 1_000, holder: true }])
  expect(written).toBeLessThanOrEqual(calls)
}, 30_000)

test('options of shared sources are checked', () => {
  const sse = new SseRouter().streamGen('/run', () => [], { share: true })
  expect(() => sse.streamFunc('/run', () => 1, { share: true })).toThrow('There is a shared source at /run already')
  const source = () => []
  expect(() => streamGen(source, { linger: 5 })).toThrow('linger is an option of shared sources: set share too')
  expect(() => streamGen(source, { share: 'x' as never })).toThrow(TypeError)
  expect(() => streamGen(source, { share: true, replay: 'some' as never })).toThrow("'all', 'latest', 'none'")
  expect(() => streamGen(source, { share: true, keep: -1 })).toThrow(RangeError)
  expect(() => streamGen(source, { share: true, maxRuns: 0 })).toThrow(RangeError)
  expect(() => streamGen(source, { share: true, end: false })).toThrow('A shared source marks its end')
})
