import type { Context } from 'koa'
import { COMMENT, encodeRetry } from './encoder.js'
import { setHeaders } from './handover.js'
import { jittered } from './jitter.js'

/** How those are answered that cannot be served now. */
export interface Overload {
  readonly overload: 'retry' | 429 | 503
  /** Milliseconds after which they come back, on average. */
  readonly retryAfter: number
}

/** Milliseconds after which the client of a stream comes back that the server ended, on average. */
export const SOON = 1_000

/** By default. */
export const COME_BACK: Overload = { overload: 'retry', retryAfter: 5_000 }

/**
 * Answers a request for a stream that cannot be served now. Any status but 200 stops an EventSource for good, so it is sent an empty
 * stream that tells it when to come back, unless asked otherwise. Returns the status.
 */
export function sendAway(ctx: Context, { overload, retryAfter }: Overload): number {
  const wait = jittered(retryAfter)
  if (ctx.req.httpVersionMajor < 2) ctx.set('Connection', 'close') // or its socket stays open for nothing
  if (overload === 'retry' && ctx.method === 'GET') {
    ctx.status = 200
    if (!ctx.headerSent) setHeaders(ctx, false)
    ctx.body = COMMENT + encodeRetry(wait) // as a stream it would cost twice the time
    return 200
  }
  ctx.status = overload === 'retry' ? 503 : overload
  ctx.set('Retry-After', String(Math.ceil(wait / 1_000)))
  ctx.set('Cache-Control', 'no-store')
  return ctx.status
}
