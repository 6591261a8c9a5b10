import type { Message } from '../../src/event.js'
import type { Entry } from '../../src/plugin.js'
import { parsePosition } from '../../src/position.js'

// What is stored and sent is a line of what the event has besides its data, as JSON if it has anything, and then the data as it is.

/** A message as Redis has it. */
export function encodePayload({ data, event, id, retry }: Message): string {
  const fields =
    event === undefined && id === undefined && retry === undefined ? '' : JSON.stringify({ event, id, retry })
  return fields === '' ? `\n${data}` : ` ${fields}\n${data}`
}

/** What Redis has, as a message. What was written by something else makes one that `isMessage` refuses. */
export function decodePayload(payload: string): Message {
  const end = payload.indexOf('\n')
  const data = payload.slice(end + 1)
  if (end === 0) return { data }
  try {
    return { ...JSON.parse(payload.slice(0, end)), data }
  } catch {
    return { data: undefined } as unknown as Message
  }
}

/** What is published: the position, then the payload. Undefined if it does not begin with a position. */
export function decodeEntry(text: string): Entry | undefined {
  const end = text.search(/[ \n]/)
  const position = end < 0 ? undefined : parsePosition(text.slice(0, end))
  return position && { position, message: decodePayload(text.slice(end)) }
}
