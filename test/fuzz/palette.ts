import type { Random } from '../model/random.js'

const CONTROLS = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\ndata: forged\n\n',
  '\t',
  '\x7f',
  '\x1b[0m',
  '\u2028',
  '\u0085',
  '\ufeff',
]
const ESCAPES = '%00 %0d%0a %0a %ef%bb%bf % %zz %c3 %c3%28 %ff %u0041 %2e%2e%2f %F0%9F%8E%88'
const SIGNS = '.. /../ // \\ ; # ? & = + [] [0] * : ~ - . { } " \' ` <script> {{ ü 🎈'
const WORDS = '[__proto__] __proto__ constructor toString hasOwnProperty null undefined true stream-end sse'
const NUMBERS = '0 -1 1e999 NaN 9007199254740993 0x10'

/** What has broken parsers before. */
const ODD = [
  '',
  ' ',
  'a'.repeat(300),
  ...CONTROLS,
  ...[ESCAPES, SIGNS, WORDS, NUMBERS].flatMap(list => list.split(' ')),
]

/** A few odd pieces one after the other. */
export function odd(random: Random, most = 4): string {
  let text = ''
  for (let left = random.below(most + 1); left > 0; left--) text += random.chance(0.6) ? random.pick(ODD) : word(random)
  return text
}

export function word(random: Random): string {
  return random.pick(['a', 'b', 'news', 'ann', 'w', 'x1', 'Some', 'secret'])
}

/** Bytes that are no text; few are line ends, which a request would mostly end at. */
export function noise(random: Random, most: number): Buffer {
  const bytes = Buffer.alloc(random.below(most + 1))
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256)
  return bytes
}

/** The text, with some bytes of it changed, left out, doubled or put elsewhere. */
export function bent(random: Random, bytes: Buffer): Buffer {
  let result = bytes
  for (let left = random.between(1, 3); left > 0; left--) {
    const at = random.below(result.length + 1)
    const to = Math.min(result.length, at + random.below(8))
    const put = random.pick([noise(random, 4), Buffer.from(random.pick(ODD)), result.subarray(at, to), Buffer.alloc(0)])
    result = Buffer.concat([result.subarray(0, at), put, result.subarray(random.chance(0.5) ? to : at)])
  }
  return result
}
