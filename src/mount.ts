import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import { isAbort } from './abort.js'
import type { RefusalReason } from './activity.js'
import { releaseWhenClosed } from './closing.js'
import { Connection, type ConnectionSettings } from './connection.js'
import { encodeEvent } from './encoder.js'
import { type Handover, handOver, ignoreDisconnects } from './handover.js'
import { jittered } from './jitter.js'
import { type LimitSettings, Limits } from './limits.js'
import { NOWHERE, type Place } from './place.js'
import { SOON, sendAway } from './refusal.js'
import { admit, type Guard, lastEventId } from './request.js'
import { endOver } from './spread.js'
import { type Pick, Streams } from './streams.js'

/** Koa middleware that answers with an event stream. */
export interface StreamMiddleware extends Middleware {
  /** Ends all of its streams, and those that are still asked for. Resolves when their responses are closed. */
  close(): Promise<void>
  /** Ends the streams whose context a predicate picks. Their clients reconnect, and are then judged anew. Resolves to their number. */
  disconnect(predicate: (ctx: Context) => boolean): Promise<number>
}

/** What a router has of a mount. */
export interface Mount extends StreamMiddleware {
  readonly streams: Streams
  readonly common: Common
  /** Turns away who asks from now on, and lets go of the connections of streams when these are over. */
  stop(): void
}

/** What the streams of a mount have in common. */
export interface Common {
  /** Whether they come to an end here that they would not see elsewhere. */
  readonly areLastHere: boolean
  /** Resolves once it is over by itself, or after so many milliseconds. */
  finished(within: number): Promise<void>
  close(): Promise<void>
}

const NOTHING: Common = { areLastHere: false, finished: async () => {}, close: async () => {} }

/** What `prepare` throws where a stream cannot be opened now, and its client is to come back. */
export class Refused extends Error {
  constructor(readonly reason: RefusalReason) {
    super(reason)
  }
}

/** A request that is to be answered with a stream. */
export interface Opening {
  readonly ctx: Context
  readonly connection: Connection
  readonly lastEventId: string | undefined
}

export interface MountSettings extends ConnectionSettings, Guard {
  /** Whether a reconnect after `stream-end` is answered 204. */
  readonly end: boolean
  readonly limits: LimitSettings
  /** Milliseconds after which a stream is ended; undefined for none. */
  readonly maxDuration: number | undefined
}

/** Names the end of a finite stream: its event type, and the last event ID that a browser then reconnects with. */
export const STREAM_END = 'stream-end'

/** Browsers' own reconnection time, about. Who was sent away is given it back once it is let in. */
const USUAL_RETRY = 3_000

const NONE: Pick[] = []

/** The answer to a HEAD: the headers of a stream. */
const HEADERS: Handover = {
  get body() {
    return Readable.from([])
  },
  takeOver: () => false,
}

/** The last event of a finite stream. */
export const END_EVENT = encodeEvent({ event: STREAM_END, id: STREAM_END, data: '{}' })

/**
 * Makes a middleware of what a stream sends.
 * @param prepare Called before anything is answered, so that it may still throw. What it returns is called when the response is
 * Koa's to send, and sends over the connection once that is open.
 * @param common What its streams have in common.
 */
export function mount(
  given: MountSettings,
  place: Place = NOWHERE,
  prepare: (opening: Opening) => Promise<() => void>,
  common = NOTHING,
): Mount {
  const streams = new Streams(place, new Limits(given.limits))
  // Who was once told another time to come back is to have its usual one again.
  const restoring = { ...given, retry: given.retry ?? USUAL_RETRY }
  const settings = streams.limited || given.maxDuration !== undefined ? restoring : given
  let closing = false

  const refuse = (ctx: Context, reason: RefusalReason) => {
    const overload = reason === 'closing' ? { ...streams.overload, retryAfter: SOON } : streams.overload
    if (reason === 'closing') releaseWhenClosed(ctx)
    streams.refused(ctx, reason, sendAway(ctx, overload))
  }

  const stream = async (ctx: Context, until: Date | undefined, seen: string | undefined, missed: Pick[]) => {
    const key = streams.keyOf(ctx)
    const refusal = closing ? 'closing' : streams.enter(key)
    if (refusal !== undefined) return refuse(ctx, refusal)
    const connection = new Connection(ctx, until ? restoring : settings, streams, key)
    streams.added(connection)
    streams.judged(missed) // from now on it is picked itself
    const start = await unlessLeft(connection, prepare({ ctx, connection, lastEventId: seen }))
    if (start instanceof Refused) return refuse(ctx, start.reason)
    streams.endBy(connection, until, settings.maxDuration)
    connection.respond()
    start()
    if (missed.some(isMeant => isMeantBy(isMeant, connection))) void endOver(0, [connection], 'disconnected')
  }

  const answer = async (ctx: Context, missed: Pick[]) => {
    const verdict = await admit(ctx, settings, streams)
    if (verdict === 'refused') return
    const seen = lastEventId(ctx)
    if (settings.end && seen === STREAM_END) turnOff(ctx)
    else if (verdict === 'head') handOver(ctx, settings.compress, HEADERS)
    else await stream(ctx, verdict === 'stream' ? undefined : verdict, seen, missed)
  }

  const middleware = async (ctx: Context) => {
    ignoreDisconnects(ctx)
    if (place.control && !closing) await place.control.heard()
    if (!settings.authorize) return answer(ctx, NONE)
    const missed = streams.judging()
    try {
      await answer(ctx, missed)
    } finally {
      streams.judged(missed)
    }
  }

  const stop = () => {
    if (closing) return
    closing = true
    for (const { ctx } of streams) releaseWhenClosed(ctx)
  }

  const close = async () => {
    stop()
    await Promise.all([endOver(0, [...streams], 'closed'), common.close()])
  }

  const disconnect = async (predicate: (ctx: Context) => boolean) => {
    const picked = streams.pick(({ ctx }) => predicate(ctx))
    await endOver(0, picked, 'disconnected')
    return picked.length
  }

  return Object.assign(middleware, { close, disconnect, streams, stop, common })
}

// Caches may keep a 204, and would give it to clients that have not seen the end.
function turnOff(ctx: Context): void {
  ctx.status = 204
  ctx.set('Cache-Control', 'no-store')
}

// A predicate of the user's that cannot tell is no reason to fail who is let in: it comes back, and is judged anew.
function isMeantBy(pick: Pick, connection: Connection): boolean {
  try {
    return pick(connection)
  } catch (error) {
    connection.ctx.app.emit('error', error, connection.ctx)
    return true
  }
}

// A client that leaves while its stream is prepared aborts that, which is no failure.
async function unlessLeft(connection: Connection, prepared: Promise<() => void>): Promise<(() => void) | Refused> {
  try {
    return await prepared
  } catch (error) {
    if (error instanceof Refused) return error
    if (connection.left && isAbort(error)) return () => {}
    throw error
  }
}

/** Lets a stream come back later that cannot be served now, perhaps by another process: any status but 200 would stop an EventSource for good. */
export async function turnAway(connection: Connection): Promise<void> {
  await connection.ready()
  await connection.close('failed', { releasing: true, retry: jittered(USUAL_RETRY) })
}
