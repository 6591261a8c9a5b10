import { nextTurn, sliceUsed } from '../turns.js'

/** Which items are taken. */
export interface Choice<T> {
  matches(item: T): boolean
  /** Below 0 where `a` comes before `b`. No two items are equal, so that the order does not change by itself. */
  compare(a: T, b: T): number
  readonly limit: number
}

export interface Chosen<T> {
  /** How many items there are. */
  readonly total: number
  /** How many of them match. */
  readonly matched: number
  /** The first of those that match. */
  readonly rows: readonly T[]
}

/** How many items are looked at between two looks at the clock. */
const STRIDE = 64

/** Takes the first items that match, of any number, without sorting them all and without holding up the event loop. */
export async function choose<T>(items: Iterable<T>, choice: Choice<T>): Promise<Chosen<T>> {
  const rows: T[] = []
  let total = 0
  let matched = 0
  for (const item of items) {
    total += 1
    if (total % STRIDE === 0 && sliceUsed()) await nextTurn()
    if (!choice.matches(item)) continue
    matched += 1
    insert(rows, item, choice)
  }
  return { total, matched, rows }
}

function insert<T>(rows: T[], item: T, { compare, limit }: Choice<T>): void {
  const last = rows[limit - 1]
  if (last !== undefined && compare(item, last) > 0) return
  rows.splice(placeOf(rows, item, compare), 0, item)
  if (rows.length > limit) rows.pop()
}

function placeOf<T>(rows: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(rows[middle] as T, item) < 0) low = middle + 1
    else high = middle
  }
  return low
}
