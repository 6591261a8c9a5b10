import type { Message } from '../../src/event.js'
import type { Entry, ReadResult } from '../../src/plugin.js'
import { formatPosition, isSamePosition, type Position } from '../../src/position.js'

/** An entry as the broker stored it, with the one that it was stored after: what every transcript is judged by. */
export interface Truth extends Entry {
  /** Undefined for the root of an epoch, which is no entry. */
  readonly previous: Truth | undefined
}

interface Snapshot {
  readonly top: Truth | undefined
  readonly kept: readonly Truth[]
}

const NO_MESSAGE: Message = { data: '', event: undefined, id: undefined, retry: undefined }

/** One channel's history at the server, with the accidents that servers have. */
export class Broker {
  readonly #limit: number
  readonly #known = new Map<string, Truth>()
  #top: Truth | undefined
  #kept: readonly Truth[] = []
  #tags = 0

  /** @param limit How many entries it keeps. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The newest entry, or the root of an epoch that has none. */
  get top(): Truth {
    this.#top ??= this.#root()
    return this.#top
  }

  publish(data: string): Truth {
    const previous = this.top
    const { epoch, offset, tag: parent } = previous.position
    const position = { epoch, offset: offset + 1, parent, tag: this.#tag() }
    this.#top = this.#record({ position, message: { ...NO_MESSAGE, data }, previous })
    this.#kept = [...this.#kept, this.#top].slice(-this.#limit)
    return this.#top
  }

  read(after: Position | undefined, limit: number): ReadResult {
    const isNew = this.#top === undefined
    const top = this.top.position
    if (after === undefined) return { ok: true, entries: [], top }
    if (isNew) return { ok: false, reason: 'absent', top }
    if (after.epoch !== top.epoch) return { ok: false, reason: 'epoch', top }
    if (after.offset > top.offset) return { ok: false, reason: 'rollback', top }
    if (after.offset === top.offset) {
      return isSamePosition(after, top) ? { ok: true, entries: [], top } : { ok: false, reason: 'fork', top }
    }
    const entries = this.#kept.filter(({ position }) => position.offset > after.offset)
    const [first] = entries
    if (first?.position.offset !== after.offset + 1) return { ok: false, reason: 'trimmed', top }
    if (first.position.parent !== after.tag) return { ok: false, reason: 'fork', top }
    return entries.length > limit ? { ok: false, reason: 'limit', top } : { ok: true, entries, top }
  }

  /** The stored entry or root at a position, or undefined if there never was one. */
  truth(position: Position): Truth | undefined {
    return this.#known.get(formatPosition(position))
  }

  /** Loses everything. */
  flush(): void {
    this.#top = undefined
    this.#kept = []
  }

  /** Loses the history, but not where it ended. */
  evictStream(): void {
    this.#kept = []
  }

  snapshot(): Snapshot {
    return { top: this.#top, kept: this.#kept }
  }

  /** Goes back to an earlier state, as a failover does that loses the last writes. */
  restore({ top, kept }: Snapshot): void {
    this.#top = top
    this.#kept = kept
  }

  // Losing the metadata alone looks the same: a new epoch drops the old stream.
  #root(): Truth {
    this.#kept = []
    const position = { epoch: `e${this.#tag()}`, offset: 0, parent: this.#tag(), tag: this.#tag() }
    return this.#record({ position, message: NO_MESSAGE, previous: undefined })
  }

  #record(truth: Truth): Truth {
    this.#known.set(formatPosition(truth.position), truth)
    return truth
  }

  // Never the same twice: two entries with one tag cannot be told apart, and the odds of that are not what is tested.
  #tag(): string {
    this.#tags += 1
    return this.#tags.toString(36).padStart(4, '0')
  }
}
