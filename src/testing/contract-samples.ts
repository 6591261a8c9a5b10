import type { Message } from '../event.js'
import type { Entry, Plugin } from '../plugin.js'
import type { Position } from '../position.js'

/** '1', '2', … */
export const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1))

/** The fields of a message, whatever kind of object it is. */
export const fieldsOf = ({ data, event, id, retry }: Message) => ({ data, event, id, retry })

/** The data of entries that were read. */
export const dataOf = (entries: readonly Entry[]): string[] => entries.map(({ message }) => message.data)

/** A channel's newest position. */
export async function topOf(plugin: Plugin, channel: string): Promise<Position> {
  const { top } = await plugin.read(channel, undefined, 0)
  return top
}

/** Messages that are easily changed on their way. */
export const MESSAGES: readonly Message[] = [
  { data: '' },
  { data: ' ' },
  { data: '0' },
  { data: 'null' },
  { data: '{"a":[1,"\\n",null]}', event: 'constructor', id: 'a b', retry: 1 },
  { data: 'id: 1', id: '0', retry: 86_400_000 },
  { data: 'an empty id', id: '' },
  { data: 'LF\nCRLF\r\nCR\r', event: ' spaces ' },
  { data: '\u{feff}BOM, \u2028, \u0085, \u0001, \t', event: '__proto__' },
  { data: 'e\u0301 is not \u00e9, \u{1f680}\u{10ffff}', event: '\u9891\u9053', id: '\u{1f680}' },
  { data: 'ü'.repeat(50_000) },
]

/** Names of channels that are easily taken for something else, or for each other. */
export const NAMES: readonly string[] = [
  ...['*', '**', '?', '[a]', 'a', 'A', 'a*', 'a.b', 'a:b', 'a/b', 'a b', ' a', '%61', 'message', 'error', '0'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'caf\u00e9', 'cafe\u0301', '\u9891\u9053', '\u{1f680}'],
  ...[`${'x'.repeat(255)}y`, 'x'.repeat(256), 'x'.repeat(255)],
]
