import { AsyncResource } from 'node:async_hooks'
import type { Context } from 'koa'
import { isAbort } from './abort.js'
import type { Connection } from './connection.js'
import { encodeEvent } from './encoder.js'
import { ServerSentEvent } from './event.js'
import { nextTurn, sliceUsed } from './turns.js'

/** What a source is told of the request that it serves. */
export interface StreamRequest {
  /** The request; of a shared source that of the viewer who began the run here, which may be over. */
  ctx: Context
  /** Aborted when the client has left or the server closes the stream: hand it to whatever the source awaits. */
  signal: AbortSignal
  /**
   * The ID of the last event that a reconnecting client has seen. Of a shared source: that of the run's last event, where it is taken
   * over from a process that died.
   */
  lastEventId: string | undefined
}

/** What a shared source is told besides. */
export interface SharedRequest extends StreamRequest {
  /** What `share` returned, empty for `share: true`. */
  key: string
  /** How many events the run has had: more than 0 where it is taken over. */
  position: number
}

/** Values to send, each an event's data or a `ServerSentEvent`; `undefined` sends nothing. */
export type Values = Iterable<unknown> | AsyncIterable<unknown>

/**
 * Sends all values over a connection, once it is open, and then its end. Pulls one at a time, and none while the client is behind.
 * Never rejects: the connection reports a failure, and ends.
 */
export async function sendAll(values: Values, connection: Connection, ending: string): Promise<void> {
  try {
    if (!(await connection.ready())) await release(values)
    else if (await pullAll(iterate(values), connection)) connection.end(ending)
  } catch (error) {
    report(error, connection)
  }
}

async function pullAll(iterator: AsyncIterator<unknown>, connection: Connection): Promise<boolean> {
  let stopped: unknown
  const stop = async () => {
    stopped ??= iterator.return?.() ?? true
    await stopped
  }
  // A generator that is parked in an await is told by its signal, any other iterator by its `return()`.
  const context = new AsyncResource('EventStreamSource')
  const left = () => void stop().catch(error => report(error, connection))
  connection.attach({ left: () => context.runInAsyncScope(left) })
  let atValue = false
  try {
    while (connection.writable || (await connection.ready())) {
      atValue = false
      const { done, value } = await iterator.next()
      if (done) return true
      atValue = true
      if (value !== undefined) connection.send(encodeEvent(ServerSentEvent.from(value)))
      if (sliceUsed()) await nextTurn()
    }
  } finally {
    if (atValue && stopped === undefined) await stop()
  }
  return false
}

/** Whether a value can be sent value by value. A string can be iterated, but is one value. */
export function areValues(values: unknown): values is Values {
  return typeof values === 'object' && values !== null && (Symbol.asyncIterator in values || Symbol.iterator in values)
}

/** The values one by one, awaited. */
export function iterate(values: Values): AsyncIterator<unknown> {
  return Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : awaitEach(values)
}

// Not `yield*`, which would leave the iterator open when one of its promises rejects.
async function* awaitEach(values: Iterable<unknown>): AsyncGenerator<unknown> {
  for (const value of values) yield value
}

// What was never started has no iterator to be returned, but it may hold on to something.
async function release(
  values: object & { return?(): unknown; destroy?(): unknown; cancel?(): unknown },
): Promise<void> {
  if (values.return) await values.return()
  else if (values.destroy) values.destroy()
  else await values.cancel?.()
}

// What an await that heeds the signal throws when the client leaves is no failure.
function report(error: unknown, connection: Connection): void {
  if (!(connection.left && isAbort(error))) connection.fail(error)
}
