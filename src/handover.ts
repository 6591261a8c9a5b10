import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import { isClosed, keepOpen } from './closing.js'

/** What Koa reports as the application's error when a client has left. */
const DISCONNECTS = new Set<unknown>(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'])

/** Who is asked for a response once all middleware has unwound. */
export interface Handover {
  /** The response's body. Asked for once, and only if a middleware looks at it or Koa is to pipe it: most streams never need one. */
  readonly body: Readable
  /**
   * Called when Koa is about to answer. Answers true to take the response over, false to let Koa pipe the body, or what a middleware
   * has wrapped it in; and the same again when it is called again.
   */
  takeOver(): boolean
}

/** Hands Koa an event stream as the response of a context: status, headers and body. */
export function handOver(ctx: Context, compress: boolean, taker: Handover): void {
  ctx.status = 200
  if (!ctx.headerSent) setHeaders(ctx, compress)
  keepOpen(ctx)
  ctx[TAKER] = taker
  if (ctx.body == null) Object.defineProperty(ctx.response, 'body', body)
  else ctx.body = taker.body // Koa lets go of the one before
  Object.defineProperty(ctx, 'respond', respond)
}

/** Sets the headers of an event stream. */
export function setHeaders({ res }: Context, compress: boolean): void {
  res.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
  res.setHeader('Cache-Control', compress ? 'no-cache' : 'no-cache, no-transform')
  res.setHeader('X-Accel-Buffering', 'no')
}

/** Whether a response's body, if anybody has asked for it, is still the one that we handed over, to be sent as it is. */
export function isUntouched(ctx: Context, body: Readable | undefined): boolean {
  return (body === undefined || ctx.body === body) && ctx.status === 200 && !ctx.res.hasHeader('Content-Encoding')
}

const TAKER = Symbol('taker')

// A body, and what Koa keeps of one, would cost each client half a kilobyte. Once asked for, it is Koa's own property again. The
// accessors, here and below, are the same for all contexts: V8 would give each context a shape of its own otherwise, as large again.
const body = {
  configurable: true,
  get(this: Unanswered): unknown {
    make(this)
    return this.body
  },
  set(this: Unanswered, value: unknown): void {
    make(this)
    this.body = value
  },
}

// What Koa sets a body's type to, where it has none, is none of a stream's.
function make(response: Unanswered): void {
  const { ctx } = response
  const isTyped = ctx.res.hasHeader('Content-Type')
  delete response.body
  response.body = ctx[TAKER].body
  if (!isTyped) ctx.remove('Content-Type')
}

interface Unanswered {
  readonly ctx: Context
  body?: unknown
}

// Koa has no hook for "all middleware has unwound", but it reads `ctx.respond` just before it answers, and only then.
const respond = {
  configurable: true,
  get(this: Context): boolean {
    return !this[TAKER].takeOver()
  },
  set(this: Context, value: unknown): void {
    if (value === false) Object.defineProperty(this, 'respond', { value, writable: true })
  },
}

/** Keeps from the app what Koa reports of an ordinary disconnect. To be called before anything that a client may leave during. */
export function ignoreDisconnects(ctx: Context): void {
  if (ctx[ONERROR]) return // two streams were asked for in one request
  ctx[ONERROR] = ctx.onerror
  ctx.onerror = onerrorButDisconnects
}

const ONERROR = Symbol('onerror')

function onerrorButDisconnects(this: Context, error: Error): void {
  const code = (error as NodeJS.ErrnoException | null)?.code
  const gone = this.res.writableEnded || isClosed(this)
  if (!(gone && DISCONNECTS.has(code))) this[ONERROR](error)
}
