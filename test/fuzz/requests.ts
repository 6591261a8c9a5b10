import type { Random } from '../model/random.js'
import { cursor } from './cursors.js'
import type { Sent } from './lane.js'
import { bent, noise, odd, word } from './palette.js'

/** What generators know of the app: positions that were issued to others, say. */
export interface Known {
  readonly ids: readonly string[]
}

const MOUNTS = ['/sse/func', '/sse/echo/', '/sse/price', '/sse/runs/', '/sse/rooms/', '/sse/some', '/sse/tagged']
const PATHS = [...MOUNTS, '/sse/typed', '/sse/publish', '/sse/say/', '/', '/sse', '/sse/nothing']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'M-SEARCH', 'SOURCE']
const EVENT_STREAM = 'Accept: text/event-stream\r\n'

const head = (method: string, target: string, headers: string, version = '1.1') =>
  Buffer.from(`${method} ${target} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`, 'latin1')

/** Request lines: methods, paths, queries and versions, whole ones and broken ones. */
export function requestLine(random: Random): Sent {
  const method = random.chance(0.8) ? 'GET' : random.pick(METHODS)
  const target = encoded(
    `${random.pick(PATHS)}${random.chance(0.4) ? '' : odd(random)}${random.chance(0.5) ? query(random) : ''}`,
    random,
  )
  if (random.chance(0.9)) return { bytes: head(method, target, EVENT_STREAM), isOdd: method === 'POST' }
  const version = random.pick(['1.0', '0.9', '2.0', '1.1', '', '1.10', 'x'])
  const bytes = head(random.pick([...METHODS, 'CONNECT', odd(random)]), target, EVENT_STREAM, version)
  return { bytes: random.chance(0.7) ? bent(random, bytes) : bytes, isOdd: true }
}

function query(random: Random): string {
  const names = ['channel', 'lastEventId', 'channel[]', 'channel[__proto__]', '__proto__', 'constructor', 'token']
  let text = '?'
  for (let left = random.below(random.chance(0.02) ? 60 : 5); left > 0; left--) {
    const value = random.chance(0.5) ? word(random) : odd(random)
    text += `${random.pick(names)}${random.pick(['=', '=', '', '=='])}${value}${random.pick(['&', '&', '', ';'])}`
  }
  return text
}

// A space, CR or LF would end the target; sometimes it is to.
function encoded(target: string, random: Random): string {
  if (random.chance(0.01)) return target
  const long = random.chance(0.01) ? 'x'.repeat(random.pick([255, 256, 257, 4_000, 15_000, 20_000])) : ''
  const byte = (char: string) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  return (target + long).replace(
    /[^\x21-\x7e]/gu,
    random.chance(0.5) ? encodeURIComponent : char => byte(char).slice(0, 3),
  )
}

const STREAMS = [
  '/sse/rooms/a',
  '/sse/rooms/witness',
  '/sse/rooms/secret',
  '/sse/some?channel=a&channel=b',
  '/sse/tagged?channel=a&channel=w',
]
const ALSO = [
  '/sse/some?channel=a&channel=secret',
  '/sse/typed?channel=a',
  '/sse/runs/a',
  '/sse/runs/secret',
  '/sse/price',
  '/sse/echo/x',
  '/sse/func',
  '/sse/some',
]

/** Headers: of resuming above all, and those that decide who may read what as what. */
export function headers(random: Random, { ids }: Known): Sent {
  const path = random.pick([...STREAMS, ...ALSO])
  const id = cursor(random, ids)
  const asked = random.chance(0.3)
    ? `${path}${path.includes('?') ? '&' : '?'}lastEventId=${encodeURIComponent(safe(id))}`
    : path
  const lines = random.chance(0.8) ? [`Last-Event-ID: ${headerValue(id, random)}`] : []
  for (let left = random.below(4); left > 0; left--) lines.push(another(random))
  const method = random.chance(0.95) ? 'GET' : 'HEAD'
  const bytes = head(method, asked, lines.map(line => `${line}\r\n`).join(''))
  return random.chance(0.03) ? { bytes: bent(random, bytes), isOdd: true } : { bytes }
}

const safe = (text: string) => text.toWellFormed()

// Most of them are whole headers: what cannot stand in one ends it, and is tried less often.
function headerValue(id: string, random: Random): string {
  const value = Buffer.from(id).toString('latin1')
  return random.chance(0.02) ? value : value.replace(/[\0\r\n]/g, ' ')
}

const NAMES = [
  'Accept',
  'Origin',
  'Cookie',
  'Cache-Control',
  'Range',
  'If-None-Match',
  'Accept-Encoding',
  'X-Forwarded-For',
]
const VALUES = [
  'text/event-stream',
  '*/*',
  'text/html',
  'text/event-stream;q=0',
  'text/*;q=0.1,*/*;q=0',
  'null',
  'gzip, br',
]

function another(random: Random): string {
  const name = random.pick([
    ...NAMES,
    'X-Forwarded-Host',
    'Sec-Fetch-Site',
    'Forwarded',
    'If-Modified-Since',
    'Last-Event-ID',
  ])
  const value = random.chance(0.4) ? random.pick(VALUES) : odd(random, 6)
  const bytes = random.chance(0.1) ? noise(random, 30) : Buffer.from(value)
  return `${name}: ${bytes.toString('latin1').replace(/\p{Cc}/gu, '')}`
}
