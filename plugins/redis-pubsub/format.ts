import { type Message, ServerSentEvent } from '../../src/event.js'

/** How messages are written in Redis. */
export interface Format {
  /** @throws TypeError for what it cannot carry. */
  encode(message: Message): string
  /** Throws for what is no message in this format. */
  decode(text: string): Message
}

/** The names of the formats. */
export type FormatName = 'raw' | 'flask-sse'

/** The message is the data, and nothing else: what `redis-cli PUBLISH news hello` sends. */
const raw: Format = {
  encode({ data, ...fields }) {
    const name = Object.entries(fields).find(([, value]) => value !== undefined)?.[0]
    if (name === undefined) return data
    throw new TypeError(`The format 'raw' carries data only, not ${name}: use the format 'flask-sse', or redisPlugin`)
  },
  decode: data => new ServerSentEvent(data),
}

/** Flask-SSE's envelope. No key but its four may be written: another would end the subscribers of a Flask application. */
const flaskSse: Format = {
  encode: ({ data, event: type, id, retry }) => JSON.stringify({ data, type, id, retry }),
  decode(text) {
    const envelope = jsonIn(text)
    if (typeof envelope !== 'object' || envelope === null || !('data' in envelope)) throw new TypeError('no data')
    const { data, type, id, retry } = envelope as Record<string, unknown>
    const fields = { event: given(type), id: given(id), retry: given(retry), allowReserved: true }
    return new ServerSentEvent(data, fields as object)
  },
}

// What JSON.parse throws quotes the text, which is for clients and not for logs.
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('no JSON')
  }
}

// Python's None is written as null.
const given = (value: unknown) => (value === null ? undefined : value)

export const FORMATS: Readonly<Record<FormatName, Format>> = { raw, 'flask-sse': flaskSse }
