import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { EventEmitter, on, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { StreamRequest } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { connectionsGone, connectRaw, deferred, garbageCollected, get, serve, turns, unchunk } from './support.js'

/** What a user would notice, in milliseconds. */
const SOON = 100

const aborted = (signal: AbortSignal) => new Promise(resolve => signal.addEventListener('abort', resolve))

/** Generators in every state that a leaving client can find them in. `ready` is called when the state is reached. */
const states: [string, (ready: () => void) => (request: StreamRequest) => AsyncGenerator<unknown>][] = [
  [
    'ticking',
    ready =>
      async function* ({ signal }) {
        for (let n = 0; ; n++) {
          yield n
          if (n === 3) ready()
          await sleep(10, undefined, { signal })
        }
      },
  ],
  [
    'ticking without heed of the signal',
    ready =>
      async function* () {
        for (let n = 0; ; n++) {
          yield n
          if (n === 3) ready()
          await sleep(10)
        }
      },
  ],
  [
    'held back because the client does not read',
    ready =>
      async function* () {
        const timer = setTimeout(ready, 200)
        for (;;) {
          yield 'x'.repeat(100_000)
          timer.refresh()
        }
      },
  ],
  [
    'parked in an await that heeds the signal',
    ready =>
      async function* ({ signal }) {
        yield 'first'
        ready()
        await sleep(60_000, undefined, { signal })
      },
  ],
  [
    'parked in an await that resolves on abort',
    ready =>
      async function* ({ signal }) {
        ready()
        await aborted(signal)
        yield 'too late'
      },
  ],
  [
    'faster than the client',
    ready =>
      async function* () {
        for (let n = 0; ; n++) {
          yield n
          if (n === 1_000) ready()
        }
      },
  ],
]

describe.each(states)('K1: a client that leaves a generator that is %s', (name, make) => {
  test.each(['destroy', 'resetAndDestroy', 'end'] as const)(
    'by %s() aborts the signal, runs finally soon and reports nothing',
    async how => {
      const ready = deferred()
      const finished = deferred<number>()
      let signal: AbortSignal | undefined
      await using served = await serve(sse =>
        sse.streamGen('/s', async function* (request) {
          signal = request.signal
          try {
            yield* make(ready.resolve)(request)
          } finally {
            finished.resolve(performance.now())
          }
        }),
      )
      await using client = await connectRaw(served.port, get('/s'))
      if (name.startsWith('held back')) client.socket.pause()
      await ready.promise
      const left = performance.now()
      if (how === 'end' && name.startsWith('held back')) client.socket.resume()
      client.socket[how]()
      expect((await finished.promise) - left).toBeLessThan(SOON)
      expect(signal?.aborted).toBe(true)
      expect(signal?.reason).toMatchObject({ name: 'AbortError' })
      await turns(5)
      expect(served.errors).toEqual([])
    },
  )
})

/** All that a stream holds that the server ends before it has opened. */
const COME_BACK = expect.stringMatching(/^:\nretry: \d+\n$/)

describe('a client that leaves', () => {
  test('by ending its side makes no error, but for who listens to those of its request', async () => {
    const closed = deferred()
    const errors: unknown[] = []
    let requests: IncomingMessage[] = []
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* ({ ctx, signal }) {
        requests = [...requests, ctx.req]
        if (ctx.query.listen) ctx.req.on('error', error => errors.push(error))
        ctx.req.on('close', closed.resolve)
        yield 1
        await aborted(signal)
      }),
    )
    for (const path of ['/s', '/s?listen=1']) {
      await using client = await connectRaw(served.port, get(path))
      await client.until(/data: 1\n/)
      client.socket.end()
      await client.end()
    }
    await closed.promise
    while (errors.length === 0) await turns()
    expect(requests.map(({ errored, aborted }) => [errored, aborted])).toEqual([
      [null, true],
      [errors[0], true],
    ])
    expect(errors).toEqual([expect.objectContaining({ code: 'ECONNRESET' })])
    expect(served.errors).toEqual([])
  })

  test('in the middle of the body of its request, is told to who reads that', async () => {
    const outcome = deferred<unknown>()
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        async function* ({ ctx }) {
          yield 1
          try {
            for await (const _part of ctx.req) yield 'part'
          } catch (error) {
            outcome.resolve(error)
          }
        },
        { methods: ['POST'] },
      ),
    )
    await using client = await connectRaw(served.port, `${get('/s', { 'Content-Length': '9' }, '1.1', 'POST')}half`)
    await client.until(/data: part\n/)
    client.socket.end()
    expect(await outcome.promise).toMatchObject({ code: 'ECONNRESET' })
  })

  test('but reads on, where the server serves who is half closed, gets all', async () => {
    const half = deferred()
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        yield 1
        await half.promise
        yield 2
      }),
    )
    Object.assign(served.server, { httpAllowHalfOpen: true })
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/data: 1\n/)
    client.socket.end()
    await turns(20)
    half.resolve()
    expect(unchunk(await client.end())).toContain('data: 2\n')
  })

  test('but reads on slowly, gets all that was sent before', async () => {
    const held = deferred()
    const sent = deferred<number>()
    await using served = await serve(sse => {
      sse.activity.on('disconnect', ({ connection }) => sent.resolve(connection.bytes))
      sse.streamGen('/s', async function* () {
        const timer = setTimeout(held.resolve, 200)
        for (;;) {
          yield 'x'.repeat(100_000)
          timer.refresh()
        }
      })
    })
    await using client = await connectRaw(served.port, get('/s'))
    client.socket.pause()
    await held.promise
    client.socket.end()
    await turns(20)
    client.socket.resume()
    const text = await client.end()
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(await sent.promise)
  })

  test('but keeps its connection, leaves nothing of its stream behind', async () => {
    const left: WeakRef<object>[] = []
    await using served = await serve(sse =>
      sse.streamGen('/s', ({ ctx }) => {
        left.push(new WeakRef(ctx), new WeakRef(ctx.req))
        return [1]
      }),
    )
    served.server.keepAliveTimeout = 60_000
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/\r\n0\r\n\r\n$/)
    await garbageCollected(left)
    expect(client.socket.destroyed).toBe(false)
  })

  test('is listened to once, however many streams its connection carries one after another', async () => {
    const listeners: number[] = []
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* ({ ctx }) {
        yield 1
        listeners.push(ctx.req.socket.listenerCount('end'))
      }),
    )
    await using client = await connectRaw(served.port, get('/s'))
    for (const stream of [1, 2, 3, 4]) {
      await client.until(new RegExp(`(\\r\\n0\\r\\n\\r\\n.*){${stream}}$`, 's'))
      client.socket.write(get('/s'))
    }
    await client.until(/(\r\n0\r\n\r\n.*){5}$/s)
    expect(listeners).toEqual(Array(5).fill(listeners[0]))
  })

  test('an iterator that knows nothing of signals is told by its return()', async () => {
    const emitter = new EventEmitter()
    await using served = await serve(sse => sse.streamGen('/s', () => on(emitter, 'tick')))
    const stream = await openStream(served.server, { path: '/s' })
    while (emitter.listenerCount('tick') === 0) await turns()
    emitter.emit('tick', 1)
    expect((await stream.take(1))[0]?.data).toBe('[1]')
    await stream.close()
    while (emitter.listenerCount('tick') > 0) await turns()
    expect(served.errors).toEqual([])
  })

  test('an error that finally throws is reported, once: it is no ordinary disconnect', async () => {
    const arrived = deferred()
    const cleanUp = () => {
      throw new Error('cleanup failed')
    }
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* ({ signal }) {
        try {
          arrived.resolve()
          await sleep(60_000, undefined, { signal })
          yield 1
        } finally {
          cleanUp()
        }
      }),
    )
    const reported = once(served.app, 'error')
    const stream = await openStream(served.server, { path: '/s' })
    await arrived.promise
    await stream.close()
    await reported
    await turns(5)
    expect(served.errors.map(error => error.message)).toEqual(['cleanup failed'])
  })

  test('an AbortError of the source’s own, while the client is there, is a failure like any other', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        yield 1
        throw Object.assign(new Error('upstream gave up'), { name: 'AbortError' })
      }),
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: 1\n\n')
    expect(served.errors.map(error => error.message)).toEqual(['upstream gave up'])
  })
})

describe('a client that leaves before its stream is open', () => {
  test.each([
    ['during authorize', (hold: () => Promise<void>) => ({ authorize: () => hold().then(() => true) })],
    ['during the source function', () => ({})],
  ])('%s: the source finds its signal aborted, nothing is reported, and nothing is kept', async (when, options) => {
    const arrived = deferred()
    const go = deferred()
    const seen = deferred<boolean>()
    let context: WeakRef<object> | undefined
    const hold = () => {
      arrived.resolve()
      return go.promise
    }
    const served = await serve(sse =>
      sse.streamGen(
        '/s',
        async ({ ctx, signal }) => {
          context = new WeakRef(ctx)
          if (when.endsWith('function')) await hold()
          seen.resolve(signal.aborted)
          await sleep(60_000, undefined, { signal })
          return []
        },
        options(hold),
      ),
    )
    const client = await connectRaw(served.port, get('/s'))
    await arrived.promise
    client.socket.resetAndDestroy()
    await connectionsGone(served.server)
    await turns(5)
    go.resolve()
    expect(await seen.promise).toBe(true)
    await turns(5)
    expect(served.errors).toEqual([])
    await garbageCollected([context as WeakRef<object>])
    await served.sse.close()
    await new Promise(resolve => served.server.close(resolve))
  })

  test('because an earlier answer on its connection is not finished: it is aborted when the client leaves', async () => {
    const signals: AbortSignal[] = []
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* ({ signal }) {
        signals.push(signal)
        yield 'x'
        await aborted(signal)
      }),
    )
    const client = await connectRaw(served.port, get('/s').repeat(15))
    await client.until(/data: x/)
    while (signals.length < 15) await turns()
    client.socket.destroy()
    while (!signals.every(signal => signal.aborted)) await turns()
    await served.sse.close()
    expect(served.errors).toEqual([])
  })

  test('and has not read the body of its request: the generator is told too', async () => {
    const parked = deferred()
    const finished = deferred()
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        async function* ({ signal }) {
          try {
            parked.resolve()
            yield await aborted(signal)
          } finally {
            finished.resolve()
          }
        },
        { methods: ['POST'] },
      ),
    )
    const body = 'x'.repeat(5_000_000)
    const head = `POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
    const client = await connectRaw(served.port, head + body)
    await parked.promise
    await client.until(/:\n/)
    client.socket.destroy()
    await finished.promise
  })
})

test('an iterator is returned once, with the AsyncLocalStorage of its request, and so are listeners of the signal', async () => {
  const storage = new AsyncLocalStorage<string>()
  const log: string[] = []
  const arrived = deferred()
  const returned = deferred()
  await using served = await serve(
    sse =>
      sse.streamGen('/s', ({ signal }) => {
        signal.addEventListener('abort', () => log.push(`abort ${storage.getStore()}`))
        return {
          [Symbol.asyncIterator]: () => ({
            next() {
              arrived.resolve()
              return new Promise<never>(() => {})
            },
            async return() {
              log.push(`return ${storage.getStore()}`)
              returned.resolve()
              return { done: true, value: undefined }
            },
          }),
        }
      }),
    { before: [(_ctx, next) => storage.run('ann', next)] },
  )
  const client = await connectRaw(served.port, get('/s'))
  await arrived.promise
  client.socket.destroy()
  await returned.promise
  await turns(5)
  expect(log).toEqual(['abort ann', 'return ann'])
})

describe('a source that is never started', () => {
  test.each(['return', 'destroy', 'cancel'])('is released by its %s()', async method => {
    const released = deferred()
    await using served = await serve(
      sse => sse.streamGen('/s', () => ({ *[Symbol.iterator]() {}, [method]: () => released.resolve() })),
      {
        before: [
          async (ctx, next) => {
            await next()
            ctx.throw(401)
          },
        ],
      },
    )
    expect((await fetch(`${served.url}/s`)).status).toBe(401)
    await released.promise
  })
})

test('a client that does not read costs no more timers than one that does', async () => {
  const flowing = deferred()
  await using served = await serve(sse =>
    sse.streamGen(
      '/s',
      async function* () {
        const timer = setTimeout(flowing.resolve, 100)
        for (;;) {
          yield 'x'.repeat(100_000)
          timer.refresh()
        }
      },
      { keepAlive: 60 },
    ),
  )
  await using client = await connectRaw(served.port, get('/s'))
  client.socket.pause()
  await flowing.promise
  let made = 0
  const hook = createHook({ init: (_id, type) => void (type === 'Timeout' && made++) }).enable()
  await sleep(500)
  hook.disable()
  expect(made).toBeLessThan(40)
})

describe('sse.close()', () => {
  const tick = async function* ({ signal }: StreamRequest) {
    yield 1
    await aborted(signal)
  }

  test('lets a server.close() return that was called before it', async () => {
    const served = await serve(sse => sse.streamGen('/s', tick))
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/data: 1\n/)
    const start = performance.now()
    const closed = new Promise(resolve => served.server.close(resolve))
    await served.sse.close()
    await closed
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('leaves no timer, and a second call resolves with the first', async () => {
    const served = await serve(sse => sse.streamGen('/s', tick))
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/data: 1\n/)
    const timers = () => process.getActiveResourcesInfo().filter(type => type === 'Timeout').length
    const before = timers()
    await Promise.all([served.sse.close(), served.sse.close()])
    expect(timers()).toBeLessThanOrEqual(before)
    await new Promise(resolve => served.server.close(resolve))
  })

  test('aborts a source function that is still at work, without an error', async () => {
    const arrived = deferred()
    const served = await serve(sse =>
      sse.streamGen('/s', async ({ signal }) => {
        arrived.resolve()
        await sleep(60_000, undefined, { signal })
        return []
      }),
    )
    const response = fetch(`${served.url}/s`)
    await arrived.promise
    await served.sse.close()
    expect([(await response).status, await (await response).text()]).toEqual([200, COME_BACK])
    expect(served.errors).toEqual([])
    await new Promise(resolve => served.server.close(resolve))
  })

  test.each([
    ['open and idle', (client: { until(pattern: RegExp): Promise<string> }) => client.until(/:\n/)],
    ['in the middle of events', (client: { until(pattern: RegExp): Promise<string> }) => client.until(/data: 3\n/)],
  ])('ends a stream that is %s cleanly, runs finally, and lets server.close() return', async (_name, reached) => {
    const finished = deferred()
    const served = await serve(sse =>
      sse.streamGen('/s', async function* ({ signal }) {
        try {
          for (let n = 0; n < 5; n++) yield n
          await aborted(signal)
        } finally {
          finished.resolve()
        }
      }),
    )
    await using client = await connectRaw(served.port, get('/s'))
    await reached(client)
    await served.sse.close()
    await new Promise(resolve => served.server.close(resolve))
    await finished.promise
    expect(await client.end()).toMatch(/0\r\n\r\n$/)
    expect(client.text()).not.toContain('stream-end')
    expect(served.errors).toEqual([])
  })

  test('does not wait for ever for a client that does not read', async () => {
    const flowing = deferred()
    const served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        const timer = setTimeout(flowing.resolve, 200)
        for (;;) {
          yield 'x'.repeat(100_000)
          timer.refresh()
        }
      }),
    )
    await using client = await connectRaw(served.port, get('/s'))
    client.socket.pause()
    await flowing.promise
    await served.sse.close()
    await new Promise(resolve => served.server.close(resolve))
    expect(served.errors).toEqual([])
  })

  test('ends streams that are asked for afterwards at once, with a 200, so that the client tries another process', async () => {
    let ran = false
    await using served = await serve(sse =>
      sse.streamGen('/s', () => {
        ran = true
        return ['x']
      }),
    )
    await served.sse.close()
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(/^:\nretry: \d+\n$/)])
    expect(ran).toBe(false)
    await served.sse.close()
  })

  test('ends a stream that middleware still holds back', async () => {
    const arrived = deferred()
    const go = deferred()
    await using served = await serve(sse => sse.streamGen('/s', ['x']), {
      before: [
        async (_ctx, next) => {
          await next()
          arrived.resolve()
          await go.promise
        },
      ],
    })
    const response = fetch(`${served.url}/s`)
    await arrived.promise
    const closed = served.sse.close()
    go.resolve()
    expect(await (await response).text()).toEqual(COME_BACK)
    await closed
    expect(served.errors).toEqual([])
  })
})
