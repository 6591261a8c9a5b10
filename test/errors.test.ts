import { describe, expect, test } from '@jest/globals'
import type { Func, Source } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { deferred, serve, turns } from './support.js'

const SECRET = 'postgres://user:password@db failed at /srv/app/job.ts'
const failure = (props: object = {}) => Object.assign(new Error(SECRET), props)

describe('F3: a source that fails before anything had to be sent', () => {
  test.each<[string, Source]>([
    [
      'in its function',
      () => {
        throw failure()
      },
    ],
    ['in its async function', () => Promise.reject(failure())],
    [
      'in a sync generator',
      function* () {
        yield* []
        throw failure()
      },
    ],
    [
      'in an async generator, after promises but within the turn',
      async function* () {
        await null
        await null
        yield* []
        throw failure()
      },
    ],
    [
      'by a value that the wire cannot carry',
      function* () {
        yield 'nul \0'
      },
    ],
    ['by bytes, which are no text', [Buffer.from('x')]],
    [
      'by an iterable that cannot be iterated',
      () => ({
        [Symbol.asyncIterator]() {
          throw failure()
        },
      }),
    ],
    [
      'by an iterator whose next() throws',
      () => ({
        [Symbol.asyncIterator]: () => ({
          next() {
            throw failure()
          },
        }),
      }),
    ],
  ])('%s is an ordinary HTTP error, reported once', async (_name, source) => {
    await using served = await serve(sse => sse.streamGen('/s', source))
    const response = await fetch(`${served.url}/s`)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      500,
      'text/plain; charset=utf-8',
      'Internal Server Error',
    ])
    await turns(5)
    expect(served.errors).toHaveLength(1)
  })

  test('has the status and the headers of its error, as anywhere in Koa', async () => {
    await using served = await serve(sse => {
      sse.streamGen('/thrown', ({ ctx }) => ctx.throw(404, 'No such job'))
      sse.streamGen('/yielded', async function* ({ ctx }) {
        yield* []
        ctx.throw(503, 'Later', { headers: { 'Retry-After': '5' } })
      })
      sse.streamFunc('/func', ({ ctx }) => ctx.throw(410, 'Gone'))
    })
    const thrown = await fetch(`${served.url}/thrown`)
    expect([thrown.status, await thrown.text()]).toEqual([404, 'No such job'])
    const yielded = await fetch(`${served.url}/yielded`)
    expect([yielded.status, yielded.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await fetch(`${served.url}/func`)).status).toBe(410)
  })

  test('can be answered by a middleware, if it is its function that throws', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ({ ctx }) => ctx.throw(404)), {
      before: [
        async (ctx, next) => {
          try {
            await next()
          } catch {
            ctx.status = 404
            ctx.body = { error: 'no such job' }
          }
        },
      ],
    })
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.json()]).toEqual([404, { error: 'no such job' }])
  })
})

describe('F3: a source that fails later', () => {
  test.each<[string, Source]>([
    [
      'in the turn of its events',
      function* () {
        yield* ['a', 'b']
        throw failure()
      },
    ],
    [
      'in a later turn',
      async function* () {
        yield 'a'
        yield 'b'
        await turns(2)
        throw failure()
      },
    ],
    [
      'by a value that JSON cannot write',
      async function* () {
        yield* ['a', 'b']
        await turns(2)
        yield { big: 1n }
      },
    ],
  ])(
    '%s is reported once, what it sent before arrives, and the stream ends without a word of it',
    async (_name, source) => {
      await using served = await serve(sse => sse.streamGen('/s', source))
      const response = await fetch(`${served.url}/s`)
      expect([response.status, await response.text()]).toEqual([200, ':\ndata: a\n\ndata: b\n\n'])
      await turns(5)
      expect(served.errors).toHaveLength(1)
    },
  )

  test('before its first event, but after the turn, ends a stream that has begun', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        await turns(5)
        yield* []
        throw failure({ status: 404, expose: true })
      }),
    )
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([200, ':\n'])
    expect(served.errors.map(error => error.message)).toEqual([SECRET])
  })

  test('runs the finally of the generator whose value could not be sent', async () => {
    const finished = deferred()
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        try {
          yield 'a'
          yield 1n
        } finally {
          finished.resolve()
        }
      }),
    )
    await fetch(`${served.url}/s`)
    await finished.promise
    expect(served.errors).toHaveLength(1)
  })

  test.each<[string, Func]>([
    ['a sync function', failAt(2)],
    ['an async function', asyncly(failAt(2))],
  ])('as %s that is polled, is reported once and ends the stream', async (_name, func) => {
    await using served = await serve(sse => sse.streamFunc('/s', func, { interval: 5 }))
    expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: ok\n\n')
    expect(served.errors.map(error => error.message)).toEqual([SECRET])
  })

  test('something that is no Error is reported as Koa reports it', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        yield 'a'
        throw 'just a string'
      }),
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: a\n\n')
    expect(served.errors.map(error => error.message)).toEqual(['non-error thrown: "just a string"'])
  })
})

test('one failing stream does not touch another', async () => {
  const go = deferred()
  await using served = await serve(sse => {
    sse.streamGen('/good', async function* () {
      yield 'before'
      await go.promise
      yield 'after'
    })
    sse.streamGen('/bad', async function* () {
      yield 'x'
      throw failure()
    })
  })
  const good = await openStream(served.server, { path: '/good' })
  await good.take(1)
  for (let n = 0; n < 5; n++) await (await fetch(`${served.url}/bad`)).text()
  go.resolve()
  expect((await good.take(1))[0]?.data).toBe('after')
  await good.close()
  expect(served.errors).toHaveLength(5)
})

function failAt(last: number): Func {
  let call = 0
  return () => {
    call += 1
    if (call === last) throw failure()
    return 'ok'
  }
}

function asyncly(func: Func): Func {
  return async request => func(request)
}

test('the finally of a sync generator runs when a promise that it yields rejects', async () => {
  const finished = deferred()
  await using served = await serve(sse =>
    sse.streamGen('/s', function* () {
      try {
        yield 'a'
        yield Promise.reject(failure())
      } finally {
        finished.resolve()
      }
    }),
  )
  await fetch(`${served.url}/s`)
  await finished.promise
  expect(served.errors).toHaveLength(1)
})
