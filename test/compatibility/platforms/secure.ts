import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { connect, createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import Koa, { type Middleware } from 'koa'
import { type SourceOptions, SseRouter } from 'koa-eventfeed'
import { Agent } from 'undici'
import { tlsCa } from '../../redis/server.js'
import type { Stage } from '../contract.js'
import { Streams } from '../streams.js'

const file = (name: string) => readFileSync(new URL(`../../redis/tls/${name}`, import.meta.url))
const certificate = { key: file('server.key.pem'), cert: file('server.pem') }

type Listener = ReturnType<Koa['callback']>

/** What is spoken on the wire, who serves it, and whether the client offers HTTP/2. */
export interface Protocol {
  readonly version: '1.1' | '2.0'
  readonly create: (listener: Listener) => HttpServer | Http2SecureServer
  readonly allowH2: boolean
}

const https = (listener: Listener) => createServer(certificate, listener)
const http2 = (listener: Listener) => createSecureServer({ ...certificate, allowHTTP1: true }, listener)

export const protocols = [
  ['HTTPS', { version: '1.1', create: https, allowH2: false }],
  ['HTTP/2 over TLS', { version: '2.0', create: http2, allowH2: true }],
  ['HTTP/1.1 on a server for HTTP/2 over TLS', { version: '1.1', create: http2, allowH2: false }],
] as const satisfies [string, Protocol][]

export interface SecureStage extends Stage {
  readonly sse: SseRouter
  readonly server: HttpServer | Http2SecureServer
  readonly dispatcher: Agent
}

/** Serves the streams over TLS, with a client that trusts the certificate and has one connection for all HTTP/2 streams. */
export async function serveSecurely(
  { create, allowH2 }: Protocol,
  options: Omit<SourceOptions, 'share'> = {},
  before: Middleware[] = [],
): Promise<SecureStage> {
  const sse = new SseRouter()
  const streams = new Streams(sse, options)
  const errors: Error[] = []
  const app = new Koa().on('error', error => errors.push(error)) as Koa
  for (const middleware of before) app.use(middleware)
  const server = create(app.use(sse.routes()).use(sse.allowedMethods()).callback())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const dispatcher = new Agent({ connect: { ca: tlsCa }, allowH2, ...(allowH2 && { connections: 1, pipelining: 100 }) })
  const dispose = async () => {
    await sse.close()
    await dispatcher.destroy()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  return { sse, server, url, streams, errors, dispatcher, [Symbol.asyncDispose]: dispose }
}

/**
 * Opens a stream with Node's own client, and resolves once it has begun. `ended` rejects where it is broken off. (undici 7 takes the
 * GOAWAY of a server that closes for a failure, even of streams that have ended.)
 */
export async function openPlainly(
  { version }: Protocol,
  url: string,
  path: string,
): Promise<{ ended: Promise<unknown> }> {
  if (version === '2.0') {
    const session = connect(url, { ca: tlsCa })
    const stream = session.request({ ':path': path })
    await once(stream, 'data')
    return { ended: once(stream.resume(), 'end').finally(() => session.close()) }
  }
  const [response] = (await once(get(`${url}${path}`, { ca: tlsCa, agent: false }), 'response')) as [IncomingMessage]
  await once(response, 'data')
  return { ended: once(response.resume(), 'end') }
}
