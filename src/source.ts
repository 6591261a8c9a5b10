import type { Context } from 'koa'
import { type Connection, STREAM_OVER } from './connection.js'
import { encodeEvent } from './encoder.js'
import { ServerSentEvent } from './event.js'
import { nextTurn, sliceUsed } from './turns.js'

/** What a source is told of the request that it serves. */
export interface StreamRequest {
  ctx: Context
  /** Aborted when the client has left or the server closes the stream: hand it to whatever the source awaits. */
  signal: AbortSignal
  /** The ID of the last event that a reconnecting client has seen. */
  lastEventId: string | undefined
}

/** Values to send, each an event's data or a `ServerSentEvent`; `undefined` sends nothing. */
export type Values = Iterable<unknown> | AsyncIterable<unknown>

/**
 * Sends all values over a connection, once it is open. Pulls one at a time, and none while the client is behind.
 * Resolves to whether the source came to its end. Never rejects: the connection reports a failure, and ends.
 */
export async function sendAll(values: Values, connection: Connection): Promise<boolean> {
  if (!(await connection.ready())) {
    await stop(values, connection)
    return false
  }
  const iterator = iterate(values)
  // A source that is parked in an await cannot be reached by the loop: a generator heeds the signal, an iterator its `return()`.
  let parked = false
  connection.onLeave(() => parked && stop(iterator, connection))
  try {
    while (connection.writable || (await connection.ready())) {
      parked = true
      const { done, value } = await iterator.next()
      parked = false
      if (done) return true
      if (value !== undefined) connection.send(encodeEvent(ServerSentEvent.from(value)))
      if (sliceUsed()) await nextTurn()
    }
  } catch (error) {
    report(error, connection)
  }
  if (!parked) await stop(iterator, connection)
  return false
}

/** Whether a value can be sent value by value. A string can be iterated, but is one value. */
export function areValues(values: unknown): values is Values {
  return typeof values === 'object' && values !== null && (Symbol.asyncIterator in values || Symbol.iterator in values)
}

function iterate(values: Values): AsyncIterator<unknown> {
  return Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : awaitEach(values)
}

async function* awaitEach(values: Iterable<unknown>): AsyncGenerator<unknown> {
  yield* values
}

async function stop(source: object & { return?: () => unknown }, connection: Connection): Promise<void> {
  try {
    await source.return?.()
  } catch (error) {
    report(error, connection)
  }
}

// What an await that heeds the signal throws when the client leaves is no failure.
function report(error: unknown, connection: Connection): void {
  const aborted = error === STREAM_OVER || (error as Error | null)?.name === 'AbortError'
  if (!(aborted && connection.left)) connection.fail(error)
}
