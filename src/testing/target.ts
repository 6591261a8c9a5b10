import { createServer, type IncomingMessage, Server, type ServerResponse } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { listen } from './listen.js'

/** A Koa app, or anything else whose `callback()` gives a request listener. */
export interface App {
  /** Makes a listener for the requests of a server. */
  callback(): (request: IncomingMessage, response: ServerResponse) => unknown
}

/** What a stream is opened of: a Koa app, a server of node:http or node:https, or a URL. */
export type StreamTarget = App | Server | HttpsServer | URL | string

/** Where requests go, and how to let go of it. */
export interface Place {
  readonly url: URL
  /** Resolves once what was opened for this place is closed. More than once is harmless. */
  release(): Promise<void>
}

/** @throws {TypeError} The target or the path cannot be used; the message says what to write. */
export async function locate(target: StreamTarget, path: string | undefined): Promise<Place> {
  if (typeof target === 'string' || target instanceof URL)
    return { url: resolve(target, path), release: async () => {} }
  const server = serverOf(target)
  if (path !== undefined && !path.startsWith('/')) throw new TypeError(`path must start with "/", not be "${path}"`)
  const { origin, release } = await listen(server)
  return { url: new URL(`${origin}${path ?? '/'}`), release }
}

function serverOf(target: unknown): Server | HttpsServer {
  if (target instanceof Server || target instanceof HttpsServer) return target
  if (isApp(target)) return createServer(target.callback())
  throw new TypeError('target must be a Koa app, a server of node:http or node:https, or a URL')
}

function isApp(target: unknown): target is App {
  return typeof target === 'object' && target !== null && 'callback' in target && typeof target.callback === 'function'
}

function resolve(target: URL | string, path: string | undefined): URL {
  const base = URL.canParse(`${target}`) ? new URL(target) : undefined
  if (base?.protocol !== 'http:' && base?.protocol !== 'https:') {
    throw new TypeError(`target must be a URL such as "http://127.0.0.1:3000/events", not "${target}"`)
  }
  return path === undefined ? base : new URL(path, base)
}
