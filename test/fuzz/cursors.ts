import type { Random } from '../model/random.js'
import { odd } from './palette.js'

const OFFSETS = ['0', '1', '-1', '999999999999999', '9999999999999999', '1e3', 'NaN', '', ' 1', '00001', '٣']
const TAG = 'abcdefghijklmnop'

/** A last event ID of any shape: issued to somebody else, changed, put together, or none at all. */
export function cursor(random: Random, ids: readonly string[]): string {
  const kind = random.below(8)
  if (kind === 0) return odd(random, 6)
  if (kind === 1) return random.pick(['stream-end', '-', '~', '-~-', '', ' ', '0', 'true-0', 'false-1'])
  if (kind === 2)
    return odd(random, 2).padEnd(random.pick([100, 1_024, 1_025, 8_000]), random.pick(['x', '~', '-~', '.']))
  if (kind === 3) return Array.from({ length: random.between(2, 6) }, () => position(random, ids)).join('~')
  return position(random, ids)
}

function position(random: Random, ids: readonly string[]): string {
  if (ids.length === 0 || random.chance(0.1)) return `${odd(random, 2)}.${random.pick(OFFSETS)}.${TAG}`
  const id = random.pick(ids)
  if (random.chance(0.3)) return id
  const [epoch = '', offset = '', link = ''] = id.split('.')
  const other = random.pick(ids).split('.')
  const place = random.pick([offset, String(Number(offset) - random.below(200)), random.pick(OFFSETS), other[1] ?? ''])
  return [
    random.pick([epoch, other[0] ?? '', 'e'.repeat(33)]),
    place,
    random.pick([link, other[2] ?? '', TAG, '']),
  ].join('.')
}
