import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import { isAbort } from './abort.js'
import { Connection, type ConnectionSettings } from './connection.js'
import { encodeEvent } from './encoder.js'
import { handOver, ignoreDisconnects } from './handover.js'
import { admit, type Guard, lastEventId } from './request.js'

/** Koa middleware that answers with an event stream. */
export interface StreamMiddleware extends Middleware {
  /** Ends all of its streams, and those that are still asked for. Resolves when their responses are closed. */
  close(): Promise<void>
  /** Ends the streams whose context a predicate picks. Their clients reconnect, and are then judged anew. Resolves to their number. */
  disconnect(predicate: (ctx: Context) => boolean): Promise<number>
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
}

/** Names the end of a finite stream: its event type, and the last event ID that a browser then reconnects with. */
export const STREAM_END = 'stream-end'

const NOT_TAKEN = { takeOver: () => false }

/** The last event of a finite stream. */
export const END_EVENT = encodeEvent({ event: STREAM_END, id: STREAM_END, data: '{}' })

/**
 * Makes a middleware of what a stream sends.
 * @param prepare Called before anything is answered, so that it may still throw. What it returns is called when the response is
 * Koa's to send, and sends over the connection once that is open.
 * @param closed Called when the middleware is closed: for what its streams have in common.
 */
export function mount(
  settings: MountSettings,
  prepare: (opening: Opening) => Promise<() => void>,
  closed?: () => Promise<void>,
): StreamMiddleware {
  const connections = new Set<Connection>()
  let closing = false

  const stream = async (ctx: Context, seen: string | undefined) => {
    const connection = new Connection(ctx, settings, connections)
    connections.add(connection)
    const start = closing
      ? () => turnAway(connection)
      : await unlessLeft(connection, prepare({ ctx, connection, lastEventId: seen }))
    connection.respond()
    start()
  }

  const middleware = async (ctx: Context) => {
    ignoreDisconnects(ctx)
    const verdict = await admit(ctx, settings)
    if (verdict === 'refused') return
    const seen = lastEventId(ctx)
    if (settings.end && seen === STREAM_END) turnOff(ctx)
    else if (verdict === 'head') handOver(ctx, Readable.from([]), settings.compress, NOT_TAKEN)
    else await stream(ctx, seen)
  }

  const close = async () => {
    closing = true
    await Promise.all([...[...connections].map(connection => connection.close(true)), closed?.()])
  }

  const disconnect = async (predicate: (ctx: Context) => boolean) => {
    const picked = [...connections].filter(({ ctx }) => predicate(ctx))
    await Promise.all(picked.map(connection => connection.close()))
    return picked.length
  }

  return Object.assign(middleware, { close, disconnect })
}

// Caches may keep a 204, and would give it to clients that have not seen the end.
function turnOff(ctx: Context): void {
  ctx.status = 204
  ctx.set('Cache-Control', 'no-store')
}

// A client that leaves while its stream is prepared aborts that, which is no failure.
async function unlessLeft(connection: Connection, prepared: Promise<() => void>): Promise<() => void> {
  try {
    return await prepared
  } catch (error) {
    if (connection.left && isAbort(error)) return () => {}
    throw error
  }
}

// Any status but 200 would stop an EventSource for good; so it comes back, perhaps to another process.
export async function turnAway(connection: Connection): Promise<void> {
  await connection.ready()
  await connection.close(true)
}
