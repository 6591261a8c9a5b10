import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa, { type Context } from 'koa'
import { ServerSentEvent, SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'

/** Stands in everything that no client here may see. */
export const SECRET = 'S3CR3T'

/** Milliseconds for which a stream is open before the server ends it, so that its connection can take another request. */
const OPEN = 3

/** Milliseconds for which history is kept: after some of them, what inputs have left behind is gone. */
export const AGE = 100

/** Who opens streams that are to stay says so. */
export const STAYS = 'X-Stays'

/** All mounts in one app, over what carries channels in one process. */
export interface Served extends AsyncDisposable {
  readonly sse: SseRouter
  readonly server: Server
  readonly port: number
  /** What the app has reported. */
  readonly errors: Error[]
}

const isOpenToAll = (name: string) => !name.includes('secret')

/** The key of a run that is nobody's. */
export const SECRET_RUN = 'secret'

export async function serveAll(): Promise<Served> {
  const sse = new SseRouter({ prefix: '/sse', plugin: mittPlugin({ history: { count: 100, age: AGE } }) })
  mountSources(sse)
  mountChannels(sse)
  const app = new Koa()
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  app.use(async (ctx, next) => {
    ctx.state.since = performance.now()
    await next()
  })
  app.use(sse.routes()).use(sse.allowedMethods())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const isDue = (ctx: Context) => ctx.get(STAYS) === '' && performance.now() - ctx.state.since > OPEN
  const ending = setInterval(() => void sse.disconnect(isDue), 1)
  const dispose = async () => {
    clearInterval(ending)
    await sse.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  const { port } = server.address() as AddressInfo
  return { sse, server, port, errors, [Symbol.asyncDispose]: dispose }
}

function mountSources(sse: SseRouter): void {
  sse.streamFunc('/func', () => 'tick', { interval: 1, limit: 2 })
  sse.streamGen('/echo/:channel', function* ({ ctx, lastEventId }) {
    yield { lastEventId: lastEventId ?? null, channel: ctx.params.channel }
  })
  sse.streamFunc('/price', () => 'price', { share: true, interval: 1, limit: 3, linger: 20, keep: 20 })
  const keyOf = (ctx: Context) => {
    const { key } = ctx.params
    return isOpenToAll(key) || ctx.get('Cookie') === `owner=${SECRET}` ? key : ctx.throw(404)
  }
  sse.streamGen('/runs/:key', ({ key, signal }) => rows(key, signal), { share: keyOf, linger: 20, keep: 20 })
}

async function* rows(key: string, signal: AbortSignal) {
  for (let row = 0; key === SECRET_RUN ? !signal.aborted : row < 2; row++) {
    yield new ServerSentEvent(`${key === SECRET_RUN ? SECRET : 'row'} ${row}`, { id: `${key === SECRET_RUN}-${row}` })
    await new Promise(resolve => setTimeout(resolve, key === SECRET_RUN ? 20 : 1))
  }
}

function mountChannels(sse: SseRouter): void {
  const authorize = (_ctx: Context, channels: readonly string[]) => channels.every(isOpenToAll)
  sse.pubSub('/rooms/:channel', { authorize })
  sse.pubSub('/some', { authorize, retry: 1_000 })
  sse.pubSub('/tagged', { authorize, channelIn: 'data', whenBehind: 'latest' })
  sse.pubSub('/typed', { authorize, channelIn: 'event', anchor: false })
  sse.publisher('/publish', { authorize: (_ctx, channel) => isOpenToAll(channel) })
  sse.publisher('/say/:channel', { authorize: (_ctx, channel) => isOpenToAll(channel), body: 'data', limit: 4_000 })
}
