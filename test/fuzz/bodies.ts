import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { Random } from '../model/random.js'
import type { Sent } from './lane.js'
import { bent, noise, odd, word } from './palette.js'

/** A request to publish, and what is in its body before that is compressed. */
export interface Posted extends Sent {
  readonly body: Buffer
  readonly takes: 'event' | 'data'
}

const TYPES = [
  'application/json; charset=utf-8',
  'application/vnd.api+json',
  'text/plain',
  'application/x-www-form-urlencoded',
]
const ALSO_TYPES = [
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'json',
  '/',
  'application/json,text/html',
  '',
]
const FORGED = 'a\r\n\r\nevent: forged\ndata: forged\n\n'
const NUMBERS = ['0', '-0', '1e400', '-1', '1.5', '123456789012345678901234567890', '2e3', 'NaN', '01', '1e-7']
const STRINGS = [
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\0"',
  '"\\u2028\u2029"',
  '"x\\r\\ry"',
  '"\ufeff"',
  '"open"',
  '"stream-end"',
]

/** Bodies for a publisher: JSON that is broken or odd, in all content types, codings and framings. */
export function body(random: Random): Posted {
  const takes = random.chance(0.8) ? 'event' : 'data'
  const framing = random.below(20)
  const channel = framing < ODD ? 'oddly' : 'posted' // what becomes of an odd request is not known, so nobody keeps account of it
  const json = Buffer.from(takes === 'event' ? event(random, channel) : value(random, 2))
  const plain = random.chance(0.15) ? bent(random, json) : json
  const { bytes, coding } = random.chance(0.15) ? compressed(random, plain) : { bytes: plain, coding: '' }
  const type = random.chance(0.85) ? 'application/json' : random.pick([...TYPES, ...ALSO_TYPES])
  const path =
    takes === 'event' ? '/sse/publish' : `/sse/say/${random.chance(0.7) ? channel : encodeURIComponent(word(random))}`
  const lines = [
    `Content-Type: ${type}`,
    coding,
    random.chance(0.1) ? `Origin: ${random.pick(['null', 'http://x', 'https://e'])}` : '',
  ]
  return { body: plain, takes, ...framed(random, framing, `POST ${path} HTTP/1.1\r\nHost: x\r\n`, lines, bytes) }
}

function event(random: Random, channel: string): string {
  if (random.chance(0.05)) return deep(random)
  const fields = [`"data":${value(random, 3)}`]
  if (random.chance(0.7)) fields.push(`"channel":${random.chance(0.9) ? `"${channel}"` : value(random, 0)}`)
  for (const name of ['event', 'id', 'retry']) if (random.chance(0.3)) fields.push(`"${name}":${value(random, 0)}`)
  if (random.chance(0.1)) fields.push(`${JSON.stringify(odd(random))}:${value(random, 1)}`)
  if (random.chance(0.1)) fields.push(random.pick(fields))
  if (random.chance(0.1)) fields.shift()
  return `{${fields.join(',')}}`
}

function value(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 9 : 7)
  if (kind === 0) return random.pick(NUMBERS)
  if (kind === 1) return random.pick(STRINGS)
  if (kind === 2)
    return random.pick([
      'null',
      'true',
      'false',
      '""',
      'undefined',
      '',
      '{"__proto__":{"a":1}}',
      '[[]]',
      '{}',
      '{"toString":1,"valueOf":1}',
    ])
  if (kind === 3) return JSON.stringify(FORGED.slice(random.below(9)))
  if (kind < 7) return JSON.stringify(odd(random).slice(0, 40))
  if (kind === 7) return `[${value(random, depth - 1)},${value(random, depth - 1)}]`
  return `{${JSON.stringify(random.pick(['data', 'constructor', 'toJSON', '__proto__', 'a']))}:${value(random, depth - 1)}}`
}

// Where the stack ends is not known, so the depth comes near to it often.
function deep(random: Random): string {
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"":', '}'],
    ['[{"a":[', ']}]'],
  ] as const)
  const depth = random.chance(0.5)
    ? random.between(3_500, 4_500)
    : random.between(1, Math.floor(65_000 / (open.length + 1)))
  return `{"data":${open.repeat(depth)}0${close.repeat(random.chance(0.9) ? depth : depth - 1)}}`
}

const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
const CODINGS = {
  gzip: (bytes: Buffer) => gzipSync(bytes),
  deflate: (bytes: Buffer) => deflateSync(bytes),
  br: (bytes: Buffer) => brotliCompressSync(bytes, quick),
}
const NAMES = ['gzip', 'deflate', 'br'] as const

// Of bytes that hardly shrink, it is inflated in steps, with what is broken behind the limit.
const BOMBS = [66_000, 70_000, 82_000, 100_000].map(size => {
  const random = new Random(size)
  const digits = Uint8Array.from({ length: size / 2 }, () => random.below(256))
  return Buffer.from(Buffer.from(digits).toString('hex'))
})
const BOMBS_IN = NAMES.map(name => {
  const compress = CODINGS[name]
  return [name, [...BOMBS, Buffer.alloc(3_000_000, ' ')].map(bomb => compress(bomb))] as const
})

function compressed(random: Random, plain: Buffer): { bytes: Buffer; coding: string } {
  const [name, bombs] = random.pick(BOMBS_IN)
  const whole = random.chance(0.3) ? random.pick(bombs) : CODINGS[name](plain)
  const told = random.chance(0.8) ? name : random.pick(['identity', 'x-gzip', 'gzip, gzip', 'zstd', 'GZIP', 'compress'])
  const coding = `Content-Encoding: ${told}`
  if (random.chance(0.4)) return { bytes: whole, coding }
  const cut = whole.subarray(0, random.below(whole.length + 1))
  return { bytes: random.chance(0.5) ? cut : Buffer.concat([cut, noise(random, 2_000)]), coding }
}

/** Framings below this are odd. */
const ODD = 3

function framed(random: Random, kind: number, start: string, lines: readonly string[], bytes: Buffer): Sent {
  const length = random.pick([0, 1, bytes.length + 1, 70_000, 4_294_967_297])
  const framing =
    kind === 0
      ? `Content-Length: ${length}`
      : kind < 4
        ? 'Transfer-Encoding: chunked'
        : `Content-Length: ${bytes.length}`
  const also =
    kind === 1 ? random.pick(['Content-Length: 3', 'Transfer-Encoding: gzip', 'Expect: 100-continue', 'Expect: x']) : ''
  const head = [...lines, framing, also].filter(line => line !== '').join('\r\n')
  const content = kind > 0 && kind < 4 ? chunked(random, bytes, kind === 2) : bytes
  return { bytes: Buffer.concat([Buffer.from(`${start}${head}\r\n\r\n`, 'latin1'), content]), isOdd: kind < ODD }
}

function chunked(random: Random, bytes: Buffer, isBroken: boolean): Buffer {
  const at = random.below(bytes.length + 1)
  const parts = [bytes.subarray(0, at), bytes.subarray(at)].filter(part => part.length > 0)
  const chunks = parts.flatMap(part => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
  const all = Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')])
  return isBroken ? bent(random, all.subarray(0, 300)) : all
}
