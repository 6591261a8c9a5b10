import type { Reset } from './cursor.js'
import type { Message } from './event.js'
import { idOf } from './position.js'

/** The event that tells a hole. Its id is the current position, so that the next reconnect does not tell it again. */
export function resetEvent(channel: string, { reason, from, now }: Reset, id = idOf(now)): Message {
  const data = { channel, reason, from: (from && idOf(from)) ?? null, now: idOf(now) ?? null }
  return { event: 'stream-reset', id, data: JSON.stringify(data) }
}

/** The event that opens a stream: a client that is cut before its first event can resume from its id. */
export function openEvent(channels: readonly string[], id: string | undefined): Message {
  return { event: 'stream-open', id, data: JSON.stringify({ channels }) }
}
