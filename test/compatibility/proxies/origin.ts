import { once } from 'node:events'
import type { Middleware } from 'koa'
import type { SseRouter } from 'koa-eventfeed'
import { deferred, serve } from '../../support.js'

/** What is served behind a proxy. */
export interface Origin extends AsyncDisposable {
  readonly port: number
  publish(data: string): Promise<unknown>
  /** Resolves when the next client of a silent stream has left: its generator has run its `finally`. */
  left(): Promise<void>
}

/** How often a stream is kept alive here, in milliseconds: a quarter of the shortest timeout that a proxy is given. */
export const KEEP_ALIVE = 250

/** Serves streams at /sse, at /ip the client's address, and at /counter a text that any cache may keep: it tells how often it was asked for. */
export async function serveOrigin(): Promise<Origin> {
  let leaving = deferred()
  const routes = (sse: SseRouter) => {
    for (const [name, keepAlive] of Object.entries({ kept: KEEP_ALIVE, unkept: false } as const)) {
      sse.pubSub(`/news/${name}`, { channel: 'news', keepAlive })
      sse.streamGen(`/silent/${name}`, ({ signal }) => silent(signal, () => leaving.resolve()), { keepAlive })
    }
    sse.streamGen('/mine', ({ ctx }) => [`for ${ctx.get('X-User')}`])
    sse.streamGen('/mine/open', ({ ctx, signal }) => openFor(ctx.get('X-User'), signal))
  }
  const { port, sse, app, ...served } = await serve(routes, {
    router: { prefix: '/sse' },
    before: [counter(), address],
  })
  app.proxy = true
  return {
    port,
    publish: data => sse.publish(data, { channel: 'news' }),
    left: () => {
      leaving = deferred()
      return leaving.promise
    },
    [Symbol.asyncDispose]: served[Symbol.asyncDispose],
  }
}

async function* silent(signal: AbortSignal, left: () => void): AsyncGenerator<string> {
  try {
    yield String(await once(signal, 'abort'))
  } finally {
    left()
  }
}

async function* openFor(user: string, signal: AbortSignal): AsyncGenerator<string> {
  yield `for ${user}`
  await once(signal, 'abort')
}

const address: Middleware = async (ctx, next) => {
  if (ctx.path !== '/ip') return next()
  ctx.set('Cache-Control', 'no-store')
  ctx.body = ctx.ip
}

function counter(): Middleware {
  let asked = 0
  return async (ctx, next) => {
    if (ctx.path !== '/counter') return next()
    asked += 1
    ctx.set('Cache-Control', 'public, max-age=60')
    ctx.body = String(asked)
  }
}
