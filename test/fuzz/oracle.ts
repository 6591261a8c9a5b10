import { STATUS_CODES } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { SECRET } from './app.js'
import type { Answer } from './response.js'

/** What a stream of the app may be answered with, and what Node answers by itself. */
const STATUSES = new Set([200, 204, 400, 403, 404, 405, 406, 413, 414, 415, 417, 431, 501])

const NAMES = [
  'cache-control',
  'x-accel-buffering',
  'content-type',
  'content-length',
  'transfer-encoding',
  'allow',
  'retry-after',
]
const HEADERS = new Set([...NAMES, 'connection', 'keep-alive', 'date', 'vary', 'accept', 'accept-encoding'])

/** What tells of the inside: a place in the code, the text of an error that is not ours. */
const INSIDE =
  /node:|node_modules|\.[cm]?[jt]s\b|\n\s+at |call stack|Unexpected |is not (defined|a function|iterable)|JSON at |\bE[A-Z]{5,}\b/

/** The reasons that are documented, and nothing else. */
const REASONS = [
  /^A channel's name (must be a string that is not empty|may have 256 characters at most|may not hold control characters or lone surrogates)$/,
  /^A stream reads 1 to 32 channels, not \d+$/,
  /^There is no such run$/,
  /^Send (JSON, not a form|application\/json|it without Content-Encoding|an object with data, and perhaps channel, event, id, retry)$/,
  /^The body (is not JSON|is empty|may have \d+ bytes at most)$/,
  /^A page of another origin sent this$/,
  /^An event has no field '[\s\S]*': send data, channel, event, id, retry$/,
  /^An event's (data|type|id) [a-zA-Z][\s\S]*$/,
  /^Event type '[a-z-]+' has a meaning of its own: choose another, or pass \{ allowReserved: true \}$/,
  /^retry must be a positive integer, in milliseconds, not [\s\S]*$/,
  /^You may not publish to this channel$/,
]

/** What is wrong with a response, whatever was asked; undefined for nothing. */
export function faultIn({ status, headers, body, bytes }: Answer): string | undefined {
  if (!STATUSES.has(status)) return `status ${status}: ${body.slice(0, 200)}`
  if (bytes.includes(SECRET)) return 'what is secret was sent'
  const unknown = [...headers.keys()].find(name => !HEADERS.has(name))
  if (unknown !== undefined) return `a header ${unknown} that nobody has set`
  if (headers.get('content-type')?.startsWith('text/event-stream')) return faultInStream(body)
  return body === '' || isSaid(status, body) ? undefined : `an answer that is not documented: ${body.slice(0, 300)}`
}

function isSaid(status: number, body: string): boolean {
  if (body === STATUS_CODES[status] || body === String(status) || isReason(body)) return true
  const { status: outcome, message, reason } = parsed(body) as Record<string, unknown>
  if (outcome === 'success') return status === 200 && message === 'published'
  return outcome === 'fail' && message === 'not published' && typeof reason === 'string' && isReason(reason)
}

/** Whether a text is one that a client may be told. */
export const isReason = (text: string) => REASONS.some(reason => reason.test(text)) && !INSIDE.test(text)

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

const POSITION = '[A-Za-z0-9_-]{1,32}\\.\\d{1,15}\\.[A-Za-z0-9_-]{8,32}'
const ONE = new RegExp(`^${POSITION}$`)

/** Whether an id is one that a channel gives its events. */
export const isPosition = (id = '') => ONE.test(id)

const ID = new RegExp(`^((${POSITION}|-)(~(${POSITION}|-))*|stream-end|(true|false)-\\d+)$`)
const DATA = /^(tick|price|row \d+|public \d+|\{"lastEventId":[^\n]*\})$/
const TYPE = /^a:(message|forgery)$/

/** What is wrong with the text of a stream: an event that nobody has sent. */
export function faultInStream(text: string): string | undefined {
  const fault = eventsIn(text)
    .map(faultInEvent)
    .find(found => found !== undefined)
  if (fault !== undefined) return fault
  return /^:\n/.test(text) || text === '' ? undefined : `a stream that begins with ${JSON.stringify(text.slice(0, 40))}`
}

function faultInEvent({ event, id, data }: EventSourceMessage): string | undefined {
  const isOurs = event === 'stream-open' || event === 'stream-reset' || event === 'stream-end'
  const isKnown = isOurs ? namesIn(data).every(isName) : isPublished(data) && (event === undefined || TYPE.test(event))
  const isFine = isKnown && (id === undefined || ID.test(id))
  return isFine ? undefined : `an event that nobody has sent: ${JSON.stringify({ event, id, data }).slice(0, 300)}`
}

function namesIn(data: string): unknown[] {
  const { channels = [], channel = '' } = parsed(data) as Record<string, unknown>
  return [channels, channel].flat()
}

/** Whether a channel may be called so; the run of a mount that has one only has an empty key. */
export const isName = (name: unknown) => typeof name === 'string' && name.length <= 256 && !/\p{Cc}/u.test(name)

// Where a stream reads several channels, an event may tell its own around its data.
function isPublished(data: string): boolean {
  const { channel, data: inner } = parsed(data) as Record<string, unknown>
  return DATA.test(typeof channel === 'string' && typeof inner === 'string' ? inner : data)
}

/** The events in the text of a stream, as an independent parser reads them. */
export function eventsIn(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: event => events.push(event) })
  parser.feed(text)
  return events
}
