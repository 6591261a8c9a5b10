import { isDate } from 'node:util/types'
import type { Context } from 'koa'
import type { RefusalReason } from './activity.js'

/** What `authorize` answers: whether access is granted, or until when. A date that is past grants none. */
export type Access = boolean | Date

/** What a request for a stream is to be answered with; a date if the stream is to end then. */
export type Verdict = 'stream' | Date | 'head' | 'refused'

type Authorize = (ctx: Context) => Access | Promise<Access>

/** Who may ask for a stream, and how. */
export interface Guard {
  readonly methods: readonly string[]
  readonly authorize: Authorize | undefined
}

/** Who is told of refusals. */
export interface Doorkeeper {
  refused(ctx: Context, reason: RefusalReason, status: number): void
}

/** Judges a request by its method, `authorize` and `Accept`, in this order. A refusal (405, 403, 406) is set on the context. */
export async function admit(ctx: Context, guard: Guard, keeper: Doorkeeper): Promise<Verdict> {
  if (!guard.methods.includes(ctx.method)) {
    ctx.set('Allow', guard.methods.join(', '))
    return refuse(ctx, 405)
  }
  const access = guard.authorize ? await accessOf(ctx, guard.authorize, keeper) : true
  if (access === false) {
    keeper.refused(ctx, 'unauthorized', 403)
    return refuse(ctx, 403)
  }
  if (!accepts(ctx)) {
    keeper.refused(ctx, 'not-acceptable', 406)
    return refuse(ctx, 406)
  }
  if (ctx.method === 'HEAD') return 'head'
  return access === true ? 'stream' : access
}

async function accessOf(ctx: Context, authorize: Authorize, keeper: Doorkeeper): Promise<Access> {
  try {
    const access: unknown = await authorize(ctx)
    return isDate(access) ? isAhead(access) && access : access === true
  } catch (error) {
    const status = refusalOf(error)
    if (status) keeper.refused(ctx, 'unauthorized', status)
    throw error
  }
}

/** The status of an error by which `authorize` refuses; undefined for any other. */
export function refusalOf(error: unknown): 401 | 403 | undefined {
  const { status } = (error ?? {}) as { status?: unknown }
  return status === 401 || status === 403 ? status : undefined
}

function isAhead(date: Date): boolean {
  if (Number.isNaN(date.getTime())) throw new TypeError('authorize returned an invalid date')
  return date.getTime() > Date.now()
}

// What EventSource sends, and clients that say nothing, need no negotiation; Koa would keep what that needs as long as the stream is open.
function accepts(ctx: Context): boolean {
  const { accept } = ctx.req.headers
  if (accept === undefined || accept === 'text/event-stream' || accept === '*/*') return true
  // A POST says in its body what it wants, and clients of model APIs send `Accept: application/json` with it.
  return ctx.method === 'POST' || ctx.accepts('text/event-stream') !== false
}

function refuse(ctx: Context, status: number): Verdict {
  ctx.status = status
  return 'refused'
}

/**
 * The ID of the last event that the client has seen: the header `Last-Event-ID`, else the query's `lastEventId`, which clients use
 * that cannot set headers.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
export function lastEventId(ctx: Context): string | undefined {
  const header = ctx.get('Last-Event-ID')
  // Browsers send the ID's UTF-8 bytes, and Node reads headers as latin1.
  if (header !== '') return Buffer.from(header, 'latin1').toString()
  if (!ctx.querystring) return undefined
  return [ctx.query.lastEventId].flat().findLast(id => id !== undefined && id !== '')
}
