import type { Context } from 'koa'

/** What a request for a stream is to be answered with. */
export type Verdict = 'stream' | 'head' | 'refused'

/** Who may ask for a stream, and how. */
export interface Guard {
  readonly methods: readonly string[]
  readonly authorize: ((ctx: Context) => boolean | Promise<boolean>) | undefined
}

/** Judges a request by its method, `authorize` and `Accept`, in this order. A refusal (405, 403, 406) is set on the context. */
export async function admit(ctx: Context, { methods, authorize }: Guard): Promise<Verdict> {
  if (!methods.includes(ctx.method)) {
    ctx.set('Allow', methods.join(', '))
    return refuse(ctx, 405)
  }
  if (authorize && (await authorize(ctx)) !== true) return refuse(ctx, 403)
  if (!accepts(ctx)) return refuse(ctx, 406)
  return ctx.method === 'HEAD' ? 'head' : 'stream'
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
