import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Context } from 'koa'

interface Http2Session {
  readonly destroyed: boolean
  readonly closed: boolean
  readonly socket: { destroySoon(): void; resetAndDestroy(): void }
  close(): void
  destroy(): void
  setTimeout(ms: number): void
}

interface Http2Stream extends Readable {
  close(code: number): void
  readonly session?: Http2Session | undefined
}

/** How long a client may take to read the rest when the server closes its stream, in milliseconds. */
export const CLOSE_GRACE = 1_000

const streamOf = ({ req }: Context) => (req as { stream?: Http2Stream }).stream

/** Whether the client of a response is gone, or the response is complete. */
export function isClosed(ctx: Context): boolean {
  return streamOf(ctx)?.destroyed ?? (ctx.res.destroyed || ctx.req.socket.destroyed)
}

/** Calls a listener once, when a response is closed or will never be sent. */
export function whenClosed(ctx: Context, listener: () => void): void {
  const { req, res } = ctx
  if (isClosed(ctx)) queueMicrotask(listener)
  else if (streamOf(ctx) || res.socket)
    res.on('close', listener) // it comes once, and `once` costs a wrapper
  else whenQueuedIsClosed(req.socket, res, listener)
}

const queued = new WeakMap<Socket, Set<() => void>>()

// A pipelined response waits for the one before it and has no socket yet. If the client leaves meanwhile, it hears nothing.
function whenQueuedIsClosed(socket: Socket, res: Context['res'], listener: () => void): void {
  const waiting = queued.get(socket) ?? new Set()
  if (!queued.has(socket)) {
    queued.set(socket, waiting)
    socket.once('close', () => {
      for (const closed of waiting) closed()
    })
  }
  const once = () => {
    if (waiting.delete(once)) listener()
  }
  waiting.add(once)
  res.once('close', once)
}

/**
 * Closes a connection as soon as its client has ended its side, if nothing waits for it any more. Node does the same some ticks later,
 * but hands the request an error then, whose stack costs a twentieth of a short visit.
 */
export function closeWithClient(socket: Carrier, req: IncomingMessage): void {
  if (!(REQUEST in socket)) socket.on('end', closeIfIdle)
  socket[REQUEST] = req
}

/** Forgets the request of a response that is closed: its connection may be kept for others. */
export function forget(ctx: Context): void {
  if (streamOf(ctx)) return
  const { req } = ctx
  const socket: Carrier = req.socket
  if (socket[REQUEST] === req) socket[REQUEST] = undefined
}

interface Carrier extends Socket {
  [REQUEST]?: IncomingMessage | undefined
}

const REQUEST = Symbol('request')

// Called after Node's own listener, which has ended our side too, unless the server is to serve who is half closed. Who reads the
// request, or listens to its errors, is to have that error.
function closeIfIdle(this: Carrier): void {
  const req = this[REQUEST]
  if (!req || req.listenerCount('error') > 0) return
  if (!this.writableEnded || this.writableLength > 0) return
  this.destroy()
  req.destroy()
}

/** The event streams of a session. */
const carried = new WeakMap<Http2Session, Set<Http2Stream>>()

/** Keeps a server's timeout from cutting an idle stream. */
export function keepOpen(ctx: Context): void {
  ctx.req.setTimeout(0)
  const stream = streamOf(ctx)
  const session = stream?.session
  if (!session) return
  session.setTimeout(0)
  const streams = carried.get(session) ?? new Set()
  carried.set(session, streams.add(stream))
  stream.once('close', () => streams.delete(stream))
}

/** Lets the connection of a response go when that has ended: idle, it keeps `server.close()` waiting until the client closes it. */
export function releaseWhenClosed(ctx: Context): void {
  const { req, res } = ctx
  const session = streamOf(ctx)?.session
  if (session) res.once('close', () => release(session))
  else res.once('finish', () => req.socket.destroySoon())
}

// Once its streams are over, Node ends its side of the connection, and would wait for the client's for as long as that takes.
function release(session: Http2Session): void {
  if (session.destroyed) return
  const { destroySoon } = session.socket
  session.close()
  setTimeout(() => session.destroyed && destroySoon(), CLOSE_GRACE).unref()
}

/**
 * Cuts the connection of a response: over HTTP/2 its stream only, for a proxy has other clients' streams in the same session. That is
 * let go when it has no other event stream: its client may be gone.
 */
export function cut(ctx: Context): void {
  const stream = streamOf(ctx)
  if (!stream) return void ctx.req.socket.destroy()
  const { session } = stream
  const others = session && carried.get(session)
  others?.delete(stream)
  stream.close(CANCEL)
  stream.destroy()
  if (!session || session.destroyed || (others && others.size > 0)) return
  if (session.closed)
    session.socket.resetAndDestroy() // Node would wait for a client that reads nothing
  else session.destroy()
}

const CANCEL = 8
