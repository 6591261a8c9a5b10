import type { Entry, ReadResult } from '../../src/plugin.js'
import { isSamePosition, type Position } from '../../src/position.js'

/** What a channel keeps for clients that come back. */
export interface HistoryLimits {
  /**
   * Entries.
   * @default 1_000
   */
  count?: number | undefined
  /**
   * Characters of data, event types and ids, all entries together.
   * @default 1_048_576
   */
  size?: number | undefined
  /**
   * Milliseconds since an entry was published. A channel whose last entry is older is forgotten.
   * @default 300_000
   */
  age?: number | undefined
}

interface Kept {
  readonly entry: Entry
  readonly at: number
}

/** The newest entries of one channel. */
export class History {
  readonly #limits: Required<{ [K in keyof HistoryLimits]: number }>
  #kept: Kept[] = []
  #size = 0
  #top: Position
  /** When the newest entry was published, or the channel made: `performance.now()`. */
  touched = performance.now()

  constructor(root: Position, limits: Required<{ [K in keyof HistoryLimits]: number }>) {
    this.#top = root
    this.#limits = limits
  }

  get top(): Position {
    return this.#top
  }

  add(entry: Entry): void {
    this.touched = performance.now()
    this.#kept.push({ entry, at: this.touched })
    this.#size += sizeOf(entry)
    this.#top = entry.position
    this.#trim()
  }

  /** What follows a position, or why it cannot be had. */
  after(position: Position | undefined, limit: number): ReadResult {
    this.#trim()
    const top = this.#top
    if (position === undefined || isSamePosition(position, top)) return { ok: true, entries: [], top }
    if (position.epoch !== top.epoch) return { ok: false, reason: 'epoch', top }
    if (position.offset > top.offset) return { ok: false, reason: 'rollback', top }
    const next = this.#kept[position.offset + 1 - this.#first]
    if (position.offset + 1 < this.#first) return { ok: false, reason: 'trimmed', top }
    if (next?.entry.position.parent !== position.tag) return { ok: false, reason: 'fork', top }
    if (top.offset - position.offset > limit) return { ok: false, reason: 'limit', top }
    return { ok: true, entries: this.#kept.slice(position.offset + 1 - this.#first).map(({ entry }) => entry), top }
  }

  /** The newest entry with an id of its publisher's. */
  find(id: string): Position | undefined {
    this.#trim()
    return this.#kept.findLast(({ entry }) => entry.message.id === id)?.entry.position
  }

  // The offset of the oldest entry that is kept.
  get #first(): number {
    return this.#top.offset - this.#kept.length + 1
  }

  #trim(): void {
    const { count, size, age } = this.#limits
    const oldest = performance.now() - age
    let drop = 0
    for (const { entry, at } of this.#kept) {
      if (this.#kept.length - drop <= count && this.#size <= size && at > oldest) break
      this.#size -= sizeOf(entry)
      drop += 1
    }
    if (drop > 0) this.#kept.splice(0, drop)
  }
}

// Of text only: what is no message is left out by who reads it, and must not spoil the sum.
function sizeOf({ message }: Entry): number {
  const { data, event, id } = message ?? {}
  return [data, event, id].reduce((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0)
}
