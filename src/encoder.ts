import type { Message } from './event.js'

// Neither ends in a blank line: some clients take a comment that is followed by one for an empty message.

/** A comment, which clients ignore: opens a stream and keeps an idle one alive. */
export const COMMENT = ':\n'

/** Sets the client's reconnection time, in milliseconds. */
export const encodeRetry = (retry: number): string => `retry: ${retry}\n`

const LINE_END = /\r\n|\r|\n/g
const hasLineEnd = (text: string) => text.includes('\n') || text.includes('\r')

/**
 * The text of an event, with its fields in the order `event`, `id`, `retry`, `data`.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function encodeEvent({ event, id, retry, data }: Message): string {
  let text = ''
  if (event !== undefined) text += `event: ${event}\n`
  if (id !== undefined) text += `id: ${id}\n`
  if (retry !== undefined) text += encodeRetry(retry)
  return `${text}data: ${hasLineEnd(data) ? data.replace(LINE_END, '\ndata: ') : data}\n\n`
}
