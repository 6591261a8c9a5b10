import type { Random } from '../model/random.js'
import { bent, noise, odd } from './palette.js'

/** Stands in everything that is written past the plugins, and must not be told in an error. */
export const GARBAGE = 'gArBaGe'

/** A command that writes to Redis what no plugin would. */
export type Command = readonly [name: string, ...args: (string | Buffer)[]]

/** The keys of a channel, as redisPlugin names them. */
export interface Places {
  readonly meta: string
  readonly log: string
  readonly channel: string
  /** What was published last. */
  readonly position: string
}

const FIELDS = [
  '{"event":"a\\nid: x"}',
  '{"id":7}',
  '{"retry":"1"}',
  '{"retry":-1}',
  '{"id":"\\u0000"}',
  '[',
  '{"__proto__":{"data":1}}',
]
const FORGED = `${GARBAGE}\n\nevent: forged\ndata: forged\n\n`

/** To the Pub/Sub channel of redisPlugin: a position, perhaps the next one, and then anything. */
export function published(random: Random, { channel, position }: Places): Command {
  const [epoch = '', offset = '0', link = ''] = position.split('.')
  const next = `${epoch}.${Number(offset) + random.pick([0, 1, 1, 1, 2, -1])}.${link.slice(link.length / 2)}${'t'.repeat(link.length / 2)}`
  const start = random.pick([next, next, position, odd(random), `${epoch}.999999999999999.${link}`, ''])
  return ['PUBLISH', channel, some(random, `${start}${payload(random)}`)]
}

function payload(random: Random): string {
  const head = random.pick(['', ' ', ` ${random.pick(FIELDS)}`, ` ${odd(random)}`])
  return `${head}${random.pick(['\n', '\n', ''])}${random.pick([GARBAGE, `\0${GARBAGE}`, FORGED, `${odd(random)}${GARBAGE}`])}`
}

/** To the stream key and the hash of redisPlugin. */
export function stored(random: Random, { meta, log, position }: Places): Command {
  const [epoch = '', offset = '0', link = ''] = position.split('.')
  const field = random.pick(['epoch', 'offset', 'link', 'at', 'other'])
  const value = random.pick([
    odd(random),
    GARBAGE,
    '-1',
    '1e20',
    '999999999999999',
    '0',
    offset,
    epoch,
    link,
    'nan',
    '',
  ])
  const id = random.pick([
    '*',
    `${Number(offset) + 1}-1`,
    `${Number(offset) + 1}-9999999999999`,
    '18446744073709551614-1',
  ])
  const kind = random.below(12)
  if (kind < 4) return ['HSET', meta, field, value]
  if (kind < 6)
    return ['XADD', log, id, 'link', random.pick([link, odd(random), 'x']), 'data', some(random, payload(random))]
  if (kind < 8)
    return ['XADD', log, id, ...(random.chance(0.5) ? ['a', GARBAGE] : ['link', link, 'data', `\n${FORGED}`])]
  if (kind === 8) return ['DEL', random.pick([meta, log])]
  if (kind === 9) return ['SET', random.pick([meta, log]), GARBAGE]
  if (kind === 10) return ['HDEL', meta, field]
  return ['XTRIM', log, 'MAXLEN', String(random.below(3))]
}

/** To a plain Pub/Sub channel, where others write messages in a format. */
export function message(random: Random, channel: string, format: 'raw' | 'flask-sse'): Command {
  if (format === 'raw')
    return ['PUBLISH', channel, some(random, random.pick([FORGED, `${odd(random)}${GARBAGE}`, `\0${GARBAGE}`]))]
  const names = ['data', 'data', 'data', 'type', 'id', 'retry', '__proto__', 'other']
  const fields = Array.from({ length: random.below(5) }, () => `"${random.pick(names)}":${value(random)}`)
  const depth = random.between(1, 8_000)
  const text = random.chance(0.02) ? `{"data":${'['.repeat(depth)}${']'.repeat(depth)}}` : `{${fields.join(',')}}`
  return [
    'PUBLISH',
    channel,
    some(random, random.chance(0.2) ? random.pick(['null', '7', '[]', '"x"', `${GARBAGE}`, '']) : text),
  ]
}

const value = (random: Random) =>
  random.pick([
    `"${GARBAGE}"`,
    JSON.stringify(FORGED),
    '7',
    '-1',
    '1e400',
    'null',
    '{}',
    '[1]',
    '"\\u0000"',
    '"\\ud800"',
    '"\\r"',
    'x',
  ])

// Redis takes bytes, whatever they are.
function some(random: Random, text: string): Buffer {
  const bytes = Buffer.from(text)
  if (random.chance(0.1)) return Buffer.concat([bytes, noise(random, 100)])
  return random.chance(0.1) ? bent(random, bytes) : bytes
}

/** To the keys of a run. */
export function runState(random: Random, run: string): Command {
  const field = random.pick(['holder', 'expires', 'token', 'start', 'over'])
  if (random.chance(0.2))
    return random.pick([
      ['DEL', run],
      ['SET', run, GARBAGE],
      ['RPUSH', run, GARBAGE],
    ] as const)
  return ['HSET', run, field, random.pick([odd(random), GARBAGE, '-1', '0', '1e20', '', 'a.0.abcdefgh', 'nan'])]
}
