/** An event as it travels: text only. */
export interface Message {
  /** Its lines end with LF. */
  readonly data: string
  /** The event type; a browser takes `message` where there is none. */
  readonly event?: string | undefined
  /** Its publisher's; where there is none, the position in the channel serves as the id. */
  readonly id?: string | undefined
  /** Milliseconds that clients wait before they reconnect. */
  readonly retry?: number | undefined
}

/** What an event carries besides its data. */
export interface EventFields {
  /** Event type: what `addEventListener` listens for, 256 characters at most. Left out, the browser dispatches `message`. */
  event?: string | undefined
  /**
   * Last event ID: what the client sends back when it reconnects, 1,024 characters at most. An empty string makes the client forget
   * its own.
   */
  id?: string | number | undefined
  /** How long the client waits before it reconnects, from now on: milliseconds, a positive integer. */
  retry?: number | undefined
  /**
   * Allows the event types `error` and `open`, which a page cannot tell from `EventSource`'s own events, and `stream-open`,
   * `stream-reset` and `stream-end`, which it cannot tell from this package's.
   * @default false
   */
  allowReserved?: boolean | undefined
}

// EventSource's own, and this package's.
const RESERVED = new Set(['error', 'open', 'stream-open', 'stream-reset', 'stream-end'])

/**
 * One event of a stream, checked: what is constructed can be sent, and arrives as it is.
 *
 * A string is sent as it is, its line ends as LF; anything else as JSON, taken at once: a later change of the object is not seen.
 *
 * @throws TypeError for what the wire cannot carry: data that JSON has no text for, NUL or a lone surrogate in a string, CR, LF or
 * NUL in `event` or `id`, an empty or reserved `event`, a `retry` that is not a positive integer. RangeError for an `id` of more than
 * 1,024 characters, or an `event` of more than 256.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class ServerSentEvent implements Message {
  /** The text that the page finds in `MessageEvent.data`. */
  readonly data: string
  /** The event type, if it was given one. */
  readonly event: string | undefined
  /** What the client sends back when it reconnects, if it was given one; a number as text. */
  readonly id: string | undefined
  /** Milliseconds that the client waits before it reconnects, if they were given. */
  readonly retry: number | undefined

  constructor(data: unknown, { event, id, retry, allowReserved = false }: EventFields = {}) {
    this.data = typeof data === 'string' ? dataText(data) : toJson(data)
    this.event = event === undefined ? undefined : eventType(event, allowReserved)
    this.id = id === undefined ? undefined : eventId(id)
    this.retry = retry === undefined ? undefined : retryTime(retry)
  }

  /** A value as an event: an event stays itself, anything else becomes the data of one. */
  static from(value: unknown): ServerSentEvent {
    return value instanceof ServerSentEvent ? value : new ServerSentEvent(value)
  }
}

/** Most characters of an id: a client sends it back in a header, and Node takes 16 KiB of headers in all. */
export const MAX_ID = 1_024

/** Most characters of an event type. */
const MAX_TYPE = 256

const atMost = (field: string, text: string, most: number): string => {
  if (text.length <= most) return text
  throw new RangeError(`An event's ${field} may have ${most} characters at most, not ${text.length}`)
}

const wellFormed = (field: string, text: string): string => {
  if (text.isWellFormed()) return text
  throw new TypeError(
    `An event's ${field} holds a lone surrogate, which UTF-8 cannot carry: send ${field}.toWellFormed()`,
  )
}

function dataText(data: string): string {
  if (data.includes('\0')) throw new TypeError("An event's data cannot hold NUL: remove it, or send the data as JSON")
  return wellFormed('data', data)
}

function oneLine(field: string, text: string): string {
  if (/[\r\n\0]/.test(text)) throw new TypeError(`An event's ${field} cannot hold CR, LF or NUL: remove them`)
  return wellFormed(field, text)
}

// Not line ends to a browser, but to clients that split at every Unicode line end. `includes` is four times faster than a RegExp.
const hasUnicodeLineEnd = (json: string) =>
  json.includes('\u2028') || json.includes('\u2029') || json.includes('\u0085')
const escapeCode = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

function toJson(data: unknown): string {
  if (ArrayBuffer.isView(data)) throw new TypeError("An event's data is text: send bytes as a string, such as base64")
  const json = stringified(data)
  if (json === undefined) {
    throw new TypeError(`An event's data cannot be ${typeof data}: send a string or a value that JSON can write`)
  }
  return hasUnicodeLineEnd(json) ? json.replace(/[\u0085\u2028\u2029]/g, escapeCode) : json
}

/** @internal */
export const TOO_DEEP = "An event's data is nested too deeply: send it flatter"

// V8 says of it only that its stack has no more room.
function stringified(data: unknown): string | undefined {
  try {
    return JSON.stringify(data)
  } catch (cause) {
    throw cause instanceof RangeError ? new RangeError(TOO_DEEP, { cause }) : cause
  }
}

function eventType(event: unknown, allowReserved: boolean): string {
  if (typeof event !== 'string' || event === '') {
    throw new TypeError("An event's type must be a string that is not empty: leave `event` out to send a 'message'")
  }
  if (!allowReserved && RESERVED.has(event)) {
    throw new TypeError(
      `Event type '${event}' has a meaning of its own: choose another, or pass { allowReserved: true }`,
    )
  }
  return oneLine('type', atMost('type', event, MAX_TYPE))
}

function eventId(id: unknown): string {
  if (typeof id === 'number' && Number.isFinite(id)) return String(id)
  if (typeof id !== 'string') throw new TypeError("An event's id must be a string or a finite number: pass String(id)")
  return oneLine('id', atMost('id', id, MAX_ID))
}

/** Checks a reconnection time, as an event's or a stream's `retry`. @internal */
export function retryTime(retry: unknown): number {
  if (typeof retry === 'number' && Number.isSafeInteger(retry) && retry > 0) return retry
  throw new TypeError(
    `retry must be a positive integer, in milliseconds, not ${typeof retry === 'number' ? retry : typeof retry}`,
  )
}

/** Whether what came from another process is a message that the wire can carry. @internal */
export function isMessage(value: unknown): value is Message {
  const { data, ...fields } = (value ?? {}) as Message
  if (typeof data !== 'string' || (fields.id !== undefined && typeof fields.id !== 'string')) return false
  try {
    return new ServerSentEvent(data, { ...fields, allowReserved: true }).data === data
  } catch {
    return false
  }
}
