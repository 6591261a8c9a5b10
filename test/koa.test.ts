import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable, Transform } from 'node:stream'
import { describe, expect, jest, test } from '@jest/globals'
import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { streamGen } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import Koa2 from 'koa2'
import { connectRaw, deferred, get, serve, turns, unchunk } from './support.js'

declare module 'koa' {
  interface DefaultState {
    user?: string
  }
}

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('under %s', (_name, Application) => {
  test('ctx.respond is read once, when all middleware has unwound: what taking the socket over depends on', async () => {
    const read = jest.fn(() => true)
    const app = new Application()
    app.use(async ctx => {
      Object.defineProperty(ctx, 'respond', { get: read })
      ctx.body = 'x'
      await turns(3)
      expect(read).not.toHaveBeenCalled()
    })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect(read).toHaveBeenCalledTimes(1)
    await new Promise(resolve => server.close(resolve))
  })

  test('a stream goes straight to the socket', async () => {
    const write = jest.spyOn(http.ServerResponse.prototype, 'write')
    await using served = await serve(sse => sse.streamGen('/s', ['a', 'b']), { Application })
    const text = await (await fetch(`${served.url}/s`)).text()
    expect(text).toContain('data: a\n\ndata: b\n\n')
    expect(write).not.toHaveBeenCalled()
    write.mockRestore()
  })

  test('a middleware that only looks at the body finds one stream, which still goes straight to the socket', async () => {
    const write = jest.spyOn(http.ServerResponse.prototype, 'write')
    const seen: unknown[] = []
    await using served = await serve(sse => sse.streamGen('/s', ['a'], { end: false }), {
      Application,
      before: [
        async (ctx, next) => {
          await next()
          seen.push(ctx.body, ctx.response.body)
        },
      ],
    })
    expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: a\n\n')
    expect(seen[0]).toBeInstanceOf(Readable)
    expect(seen[1]).toBe(seen[0])
    expect(write).not.toHaveBeenCalled()
    write.mockRestore()
  })

  test('the generator starts only when all middleware has unwound, and what middleware adds late is in the headers', async () => {
    const log: string[] = []
    await using served = await serve(
      sse =>
        sse.streamGen('/s', async function* () {
          log.push('generator')
          yield 'x'
        }),
      {
        Application,
        before: [
          async (ctx, next) => {
            await next()
            await turns(3)
            log.push('unwound')
            ctx.set('X-Late', 'yes')
          },
        ],
      },
    )
    const stream = await openStream(served.server, { path: '/s' })
    expect(stream.headers['x-late']).toBe('yes')
    await stream.take(1)
    expect(log).toEqual(['unwound', 'generator'])
    await stream.close()
  })

  test('a middleware that throws 401 after next() gets its 401, and the generator never starts', async () => {
    let started = false
    const released = deferred()
    await using served = await serve(
      sse =>
        sse.streamGen('/s', () => ({
          [Symbol.asyncIterator]() {
            started = true
            throw new Error('started')
          },
          return: released.resolve,
        })),
      {
        Application,
        before: [
          async (ctx, next) => {
            await next()
            ctx.throw(401)
          },
        ],
      },
    )
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([401, 'Unauthorized'])
    await released.promise
    expect(started).toBe(false)
    expect(served.errors.map(error => error.message)).toEqual(['Unauthorized'])
  })

  test('another stream in place of ours is sent whole, though a length was set before', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['a']), {
      Application,
      before: [
        async (ctx, next) => {
          ctx.length = 3
          await next()
          ctx.body = PassThrough.from(['another'])
        },
      ],
    })
    expect(await (await fetch(`${served.url}/s`)).text()).toBe('another')
  })

  test('a type that a middleware has removed does not come back when it looks at the body', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['a']), {
      Application,
      before: [
        async (ctx, next) => {
          await next()
          ctx.remove('Content-Type')
          expect(ctx.body).toBeInstanceOf(Readable)
        },
      ],
    })
    expect((await fetch(`${served.url}/s`)).headers.has('content-type')).toBe(false)
  })

  test('a middleware that puts another body in place of the stream has its way, and the generator never starts', async () => {
    let started = false
    await using served = await serve(
      sse =>
        sse.streamGen('/s', async function* () {
          started = true
          yield 1
        }),
      {
        Application,
        before: [
          async (ctx, next) => {
            await next()
            ctx.body = ctx.query.stream ? PassThrough.from(['other']) : 'other'
          },
        ],
      },
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toBe('other')
    expect(await (await fetch(`${served.url}/s?stream=1`)).text()).toBe('other')
    expect(started).toBe(false)
    expect(served.errors).toEqual([])
  })

  test('a status without a body is answered without one, and the generator never starts', async () => {
    let started = false
    await using served = await serve(
      sse =>
        sse.streamGen('/s', async function* () {
          started = true
          yield 1
        }),
      {
        Application,
        before: [
          async (ctx, next) => {
            await next()
            ctx.status = 304
          },
        ],
      },
    )
    expect((await fetch(`${served.url}/s`)).status).toBe(304)
    expect(started).toBe(false)
  })

  test('a wrapped stream too starts only when all middleware has unwound', async () => {
    const log: string[] = []
    await using served = await serve(
      sse =>
        sse.streamGen('/s', async function* () {
          log.push('generator')
          yield 'x'
        }),
      {
        Application,
        before: [
          async (_ctx, next) => {
            await next()
            await turns(5)
            log.push('unwound')
          },
          async (ctx, next) => {
            await next()
            ctx.body = (ctx.body as PassThrough).pipe(new PassThrough())
          },
        ],
      },
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toContain('data: x\n\n')
    expect(log).toEqual(['unwound', 'generator'])
  })

  test.each<[string, Middleware]>([
    [
      'an empty body before',
      (ctx, next) => {
        ctx.body = null
        ctx.status = 200
        return next()
      },
    ],
    [
      'a length after',
      async (ctx, next) => {
        await next()
        ctx.length = 5
      },
    ],
    [
      'ctx.respond = true after',
      async (ctx, next) => {
        await next()
        ctx.respond = true
      },
    ],
    [
      'another status after',
      async (ctx, next) => {
        await next()
        ctx.status = 202
      },
    ],
  ])('a middleware that sets %s does not break the stream', async (_name, middleware) => {
    await using served = await serve(sse => sse.streamGen('/s', ['a', 'b'], { end: false }), {
      Application,
      before: [middleware],
    })
    const response = await fetch(`${served.url}/s`)
    expect(await response.text()).toBe(':\ndata: a\n\ndata: b\n\n')
    expect(response.headers.has('content-length')).toBe(false)
  })

  test('a middleware that sets ctx.respond = false answers itself, and the generator never starts', async () => {
    let started = false
    await using served = await serve(
      sse =>
        sse.streamGen('/s', async function* () {
          started = true
          yield 1
        }),
      {
        Application,
        before: [
          async (ctx, next) => {
            await next()
            ctx.respond = false
            ctx.res.removeHeader('Content-Type')
            ctx.res.end('mine')
          },
        ],
      },
    )
    expect(await (await fetch(`${served.url}/s`)).text()).toBe('mine')
    expect(started).toBe(false)
  })

  test('a failure of middleware is reported though the client has left', async () => {
    const arrived = deferred()
    await using served = await serve(sse => sse.streamGen('/s', ['x']), {
      Application,
      before: [
        async (ctx, next) => {
          await next()
          arrived.resolve()
          await once(ctx.res, 'close')
          throw new Error('late')
        },
      ],
    })
    const reported = once(served.app, 'error')
    const client = await connectRaw(served.port, get('/s'))
    await arrived.promise
    client.socket.destroy()
    expect((await reported)[0].message).toBe('late')
  })
})

test('a body from before is let go of, as Koa does: its error ends neither the stream nor the process', async () => {
  await using served = await serve(sse => sse.streamGen('/s', ['a'], { end: false }), {
    before: [
      async (ctx, next) => {
        const file = createReadStream('/missing')
        ctx.body = file
        const failed = new Promise<void>(resolve => file.on('close', resolve))
        await next()
        await failed
      },
    ],
  })
  expect(await (await fetch(`${served.url}/s`)).text()).toBe(':\ndata: a\n\n')
})

test('a response whose write was patched, as Express middleware does, is written through the patch', async () => {
  await using served = await serve(sse => sse.streamGen('/s', ['a', 'b']), {
    before: [
      async (ctx, next) => {
        const write = ctx.res.write.bind(ctx.res) as (chunk: string) => boolean
        ctx.res.write = (chunk: Buffer | string) => write(String(chunk).toUpperCase())
        await next()
      },
    ],
  })
  expect(await (await fetch(`${served.url}/s`)).text()).toContain('DATA: A\n\nDATA: B\n\n')
})

test('the store of AsyncLocalStorage that a middleware has set holds in the whole generator, its finally too', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const done = deferred()
  await using served = await serve(
    sse => {
      sse.streamGen('/s', async function* ({ signal }) {
        try {
          for (let n = 0; n < 3; n++) {
            seen.push(storage.getStore())
            yield 'x'.repeat(40_000)
            await turns()
          }
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        } finally {
          seen.push(storage.getStore())
          done.resolve()
        }
      })
      sse.streamFunc('/f', () => storage.getStore(), { interval: 10, limit: 2 })
    },
    { before: [(ctx, next) => storage.run(ctx.get('X-User'), next)] },
  )
  const stream = await openStream(served.server, { path: '/s', headers: { 'X-User': 'ann' } })
  await stream.take(3)
  await stream.close()
  await done.promise
  expect(seen).toEqual(['ann', 'ann', 'ann', 'ann'])
  expect(await (await fetch(`${served.url}/f`, { headers: { 'X-User': 'bob' } })).text()).toMatch(
    /^:\ndata: bob\n\ndata: bob\n\n/,
  )
})

test('streamGen is also a middleware for any router, behind other middleware', async () => {
  const app = new Koa()
  const router = new Router()
  const job = streamGen(({ ctx }) => [ctx.state.user, ctx.params.id])
  router.get(
    '/jobs/:id',
    (ctx, next) => {
      ctx.state.user = 'ann'
      return next()
    },
    job,
  )
  app.use(router.routes())
  const stream = await openStream(app, { path: '/jobs/7' })
  expect((await stream.take(2)).map(event => event.data)).toEqual(['ann', '7'])
  await stream.close()
  await job.close()
})

test('a client that left while middleware was still busy starts nothing, and is no error', async () => {
  let started = false
  const arrived = deferred()
  const go = deferred()
  const released = deferred()
  await using served = await serve(
    sse =>
      sse.streamGen('/s', ({ signal }) => {
        if (signal.aborted) released.resolve()
        signal.addEventListener('abort', () => released.resolve())
        return {
          *[Symbol.iterator]() {
            started = true
            yield 1
          },
        }
      }),
    {
      before: [
        async (_ctx, next) => {
          arrived.resolve()
          await go.promise
          await next()
        },
      ],
    },
  )
  const client = await connectRaw(served.port, get('/s'))
  const closed = new Promise(resolve => served.server.once('connection', resolve))
  await arrived.promise
  client.socket.destroy()
  await Promise.race([closed, client.end()])
  await turns(5)
  go.resolve()
  await released.promise
  await turns(5)
  expect(started).toBe(false)
  expect(served.errors).toEqual([])
})

test('what is gathered for a wrapped body is written in the context of its own request', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen = new Set<string>()
  const both = deferred()
  let open = 0
  await using served = await serve(
    sse =>
      sse.streamGen('/s/:name', async function* ({ ctx }) {
        await both.promise
        for (let n = 0; n < 3; n++) yield ctx.params.name
        await turns(3) // the end would write what is gathered
      }),
    {
      before: [
        (ctx, next) => storage.run(ctx.path, next),
        async (ctx, next) => {
          await next()
          const transform = (chunk: Buffer, _: string, done: (error: null, chunk: Buffer) => void) => {
            const [, name] = /data: (ann|bob)/.exec(`${chunk}`) ?? []
            if (name) seen.add(`${name} in ${storage.getStore()}`)
            done(null, chunk)
          }
          ctx.body = (ctx.body as PassThrough).pipe(new Transform({ transform }))
          open += 1
          if (open === 2) void turns(5).then(() => both.resolve()) // both are open then, and write in one turn
        },
      ],
    },
  )
  await Promise.all(['ann', 'bob'].map(async name => (await fetch(`${served.url}/s/${name}`)).text()))
  // Or in none, where the pipe waits for the socket; never in another's.
  const own = ['ann in /s/ann', 'ann in undefined', 'bob in /s/bob', 'bob in undefined']
  expect([...seen].filter(context => !own.includes(context))).toEqual([])
  expect(seen.size).toBeGreaterThanOrEqual(2)
})

test('a stream goes on where a middleware has sent the headers already', async () => {
  await using served = await serve(sse => sse.streamGen('/s', ['a']), {
    before: [
      (ctx, next) => {
        ctx.status = 200
        ctx.type = 'text/event-stream'
        ctx.flushHeaders()
        return next()
      },
    ],
  })
  expect(await (await fetch(`${served.url}/s`)).text()).toContain('data: a\n\n')
  expect(served.errors).toEqual([])
})

test('a source may hand on what it is told as a copy, or wrapped', async () => {
  await using served = await serve(sse => {
    sse.streamGen('/copy', request => [String({ ...request }.signal.aborted)])
    sse.streamGen('/wrapped', request => [String(Object.create(request).signal.aborted)])
  })
  for (const path of ['/copy', '/wrapped']) {
    expect(await (await fetch(`${served.url}${path}`)).text()).toContain('data: false')
  }
})

test('unchunk, the oracle of these tests, is strict', () => {
  expect(unchunk('HTTP/1.1 200 OK\r\n\r\n1\r\na\r\n0\r\n\r\n')).toBe('a')
  expect(() => unchunk('HTTP/1.1 200 OK\r\n\r\n2\r\na\r\n0\r\n\r\n')).toThrow()
})
