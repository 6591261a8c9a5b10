import type { OutgoingHttpHeaders } from 'node:http'
import type { AgentOptions } from 'node:https'

/** What a stream is opened with. */
export interface OpenStreamOptions {
  /**
   * Path and query to ask for. Of an app or a server it starts with `/`; for a URL it is resolved against it.
   *
   * @default '/', or the URL itself
   */
  path?: string
  /** @default 'GET', or 'POST' with a body */
  method?: string
  /** Added to `accept: text/event-stream`; `undefined` as a value leaves a header out. */
  headers?: OutgoingHttpHeaders
  /** A string or bytes are sent as they are; anything else as JSON, with `content-type: application/json`. */
  body?: unknown
  /** Sent as `Last-Event-ID`, as by a client that reconnects. Empty: not sent. @default '' */
  lastEventId?: string
  /** How long each call that waits does so at most, in milliseconds. @default 5_000 */
  timeout?: number
  /** Closes the stream, or stops opening it; what waits rejects with the signal's reason. */
  signal?: AbortSignal
  /** For https: what `https.Agent` takes, such as `{ ca }` or `{ rejectUnauthorized: false }`. */
  https?: AgentOptions
}

/** The options, checked and complete. */
export interface Plan {
  readonly path: string | undefined
  readonly method: string
  readonly headers: OutgoingHttpHeaders
  readonly body: Uint8Array | undefined
  readonly lastEventId: string
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly https: AgentOptions | undefined
}

const longest = 2 ** 31 - 1

/** @throws {TypeError | RangeError} An option cannot be used; the message says what to write. */
export function plan(options: OpenStreamOptions): Plan {
  const { path, method, headers, body, lastEventId = '', timeout = 5_000, signal, https } = options
  for (const [name, value] of Object.entries({ path, method, lastEventId })) {
    if (value !== undefined && typeof value !== 'string') throw new TypeError(`${name} must be a string`)
  }
  if (/[\r\n\0]/.test(lastEventId)) throw new TypeError('lastEventId cannot hold CR, LF or NUL: no server can send it')
  if (!(timeout >= 1 && timeout <= longest)) {
    throw new RangeError(`timeout must be a number of milliseconds from 1 to ${longest}, such as 5_000`)
  }
  const json = !(body === undefined || typeof body === 'string' || body instanceof Uint8Array)
  return {
    path,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      accept: 'text/event-stream',
      ...(json && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: json ? Buffer.from(jsonOf(body)) : typeof body === 'string' ? Buffer.from(body) : body,
    lastEventId,
    timeout,
    signal,
    https,
  }
}

function jsonOf(body: unknown): string {
  const json: string | undefined = JSON.stringify(body)
  if (json === undefined) throw new TypeError('body must be a string, a Buffer or something that JSON can hold')
  return json
}
