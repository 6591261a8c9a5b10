import { once } from 'node:events'
import type http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from '@jest/globals'
import Koa, { type Middleware } from 'koa'
import { SseRouter, type SseRouterOptions } from 'koa-eventfeed'

/** A Koa app that serves an SseRouter, on a port of its own. */
export interface Served extends AsyncDisposable {
  sse: SseRouter
  app: Koa
  server: http.Server
  port: number
  url: string
  /** Every error that the app has reported. */
  errors: Error[]
}

export interface ServeOptions {
  /** Middleware before the router's. */
  before?: Middleware[]
  Application?: typeof Koa
  router?: SseRouterOptions
}

/** Serves routes on a free port. `await using` closes the streams first, then waits for the server as a user would. */
export async function serve(routes: (sse: SseRouter) => void, options: ServeOptions = {}): Promise<Served> {
  const { before = [], Application = Koa, router = {} } = options
  const sse = new SseRouter(router)
  routes(sse)
  const app = new Application()
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  for (const middleware of before) app.use(middleware)
  app.use(sse.routes()).use(sse.allowedMethods())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const dispose = async () => {
    await sse.close()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  return { sse, app, server, port, url: `http://127.0.0.1:${port}`, errors, [Symbol.asyncDispose]: dispose }
}

/** A client of bytes: it sends what it is told and keeps what it gets. */
export interface RawClient extends AsyncDisposable {
  socket: net.Socket
  /** All that has come so far. */
  text(): string
  /** Resolves once what has come matches. */
  until(pattern: RegExp): Promise<string>
  /** Resolves to all that came once the server has closed the connection. */
  end(): Promise<string>
}

export async function connectRaw(port: number, request: string): Promise<RawClient> {
  const socket = net.connect(port, '127.0.0.1')
  let received = ''
  socket.setEncoding('utf8').on('data', chunk => {
    received += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(request)
  const until = async (pattern: RegExp) => {
    while (!pattern.test(received)) {
      if (socket.destroyed) throw new Error(`The connection ended before ${pattern} came, with: ${received}`)
      await Promise.race([once(socket, 'data'), once(socket, 'close')])
    }
    return received
  }
  const end = async () => {
    if (!socket.destroyed) await once(socket, 'close')
    return received
  }
  return {
    socket,
    text: () => received,
    until,
    end,
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      await end()
    },
  }
}

/** The bytes of a request without a body. */
export const get = (path: string, headers: Record<string, string> = {}, version = '1.1', method = 'GET') =>
  [
    `${method} ${path} HTTP/${version}`,
    'Host: test',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n')

/** The body of a chunked response, read strictly by RFC 9112: throws where a length is not exact. */
export function unchunk(response: string): string {
  let rest = Buffer.from(response.slice(response.indexOf('\r\n\r\n') + 4))
  let body = ''
  for (;;) {
    const lineEnd = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.toString('latin1', 0, lineEnd), 16)
    if (lineEnd < 0 || Number.isNaN(size))
      throw new Error(`No chunk begins at: ${JSON.stringify(rest.toString().slice(0, 40))}`)
    const chunk = rest.subarray(lineEnd + 2, lineEnd + 2 + size)
    if (rest.toString('latin1', lineEnd + 2 + size, lineEnd + 4 + size) !== '\r\n')
      throw new Error('A chunk has another length')
    if (size === 0) return body
    body += chunk.toString()
    rest = rest.subarray(lineEnd + 4 + size)
  }
}

/** A promise with its ends in hand. */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(done => {
    resolve = done
  })
  return { promise, resolve }
}

/** Resolves after all I/O that is ready has been handled, `turns` times over. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Resolves once no client is connected to a server. */
export async function connectionsGone(server: http.Server): Promise<void> {
  for (;;) {
    const count = await new Promise<number>((resolve, reject) =>
      server.getConnections((error, n) => (error ? reject(error) : resolve(n))),
    )
    if (count === 0) return
    await turns()
  }
}

/** Checks that nothing holds on to what the references point to. */
export async function garbageCollected(refs: WeakRef<object>[]): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 50 && refs.some(ref => ref.deref() !== undefined); round++) {
    await turns()
    collect()
  }
  expect(refs.filter(ref => ref.deref() !== undefined)).toHaveLength(0)
}
