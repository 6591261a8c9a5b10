import type { Cursor, Follower, Reset, WhenBehind } from '../../src/cursor.js'
import type { Range } from '../../src/log.js'
import type { Entry, ResetReason } from '../../src/plugin.js'
import { formatPosition, isSamePosition, type Position } from '../../src/position.js'
import type { Broker, Truth } from './broker.js'
import { Refused } from './network.js'

/** What a client met. */
export interface Tally {
  deliveries: number
  /** Entries that came from history. */
  replayed: number
  /** Entries that came again after a reset. */
  repeated: number
  readonly resets: Record<ResetReason, number>
}

export const emptyTally = (): Tally => ({
  deliveries: 0,
  replayed: 0,
  repeated: 0,
  resets: { absent: 0, epoch: 0, rollback: 0, fork: 0, trimmed: 0, limit: 0, malformed: 0 },
})

/** What a client asks of its surroundings. */
export interface Surroundings {
  readonly broker: Broker
  readonly tally: Tally
  /** Reports what a client must never see. */
  broken(what: string): void
  note(what: string): void
  /** Called at the end of everything that a client is given: it may stop reading, leave or publish there. */
  after(client: Client): unknown
}

/** Follows the channel, at one process after another, and judges all that it gets by the broker's lineage. */
export class Client implements Follower {
  readonly name: string
  readonly whenBehind: WhenBehind
  readonly #around: Surroundings
  ready = true
  cursor: Cursor | undefined
  /** What it has: the last entry, or the place where it was told to go on. */
  #at: Truth | undefined
  /** The position that it came with, where that is none that it was given. */
  #claim: Position | undefined
  #here = false
  #joined = false
  #live = false
  #seen = new Set<Truth>()

  constructor(name: string, whenBehind: WhenBehind, around: Surroundings) {
    this.name = name
    this.whenBehind = whenBehind
    this.#around = around
  }

  get isHere(): boolean {
    return this.#here
  }

  get isLive(): boolean {
    return this.#live
  }

  get at(): Truth | undefined {
    return this.#at
  }

  /** Comes, or comes back. */
  come(follow: (after: Position | undefined) => Cursor, claim?: Position): void {
    this.#here = true
    this.#joined = false
    this.#live = false
    this.#claim = claim
    if (claim) this.#seen = new Set() // it is somebody else
    this.cursor = undefined
    this.cursor = follow(claim ?? this.#at?.position)
    if (!this.#here) this.cursor.close()
  }

  leave(): void {
    this.#here = false
    this.cursor?.close()
  }

  /** Becomes another client: a new one, or one that has all up to an entry. */
  become(at?: Truth): void {
    this.#at = at
    this.#seen = new Set()
  }

  take(range: Range): void {
    const entries = range.entries()
    if (!this.ready) this.#broken('given more than it can take')
    if (!this.#joined) this.#broken('given live events before it joined')
    if (!isTrue(range, entries)) this.#broken('given bytes that are not the events')
    this.#note(`takes ${entries.length}`)
    for (const entry of entries) this.#got(entry)
    this.#around.after(this)
  }

  replay(entries: readonly Entry[]): void {
    this.#note(`is replayed ${entries.length}`)
    if (!this.ready) this.#broken('replayed more than it can take')
    for (const entry of entries) this.#got(entry)
    this.#around.tally.replayed += entries.length
    this.#around.after(this)
  }

  joined(cursor: Cursor): void {
    this.#note('joins')
    const place = cursor.position && this.#truth(cursor.position)
    if (!this.#here) this.#broken('joined after it left')
    if (this.#claim) this.#broken('joined at a place that it never had')
    if (this.#at && place !== this.#at) this.#broken('joined elsewhere')
    this.#at = place
    this.#joined = true
    this.#around.after(this)
  }

  live(cursor: Cursor): void {
    this.#note('is live')
    if (!this.#here || !this.#joined || this.#live) this.#broken('told that it is live out of turn')
    if (!(cursor.position && this.#at === this.#truth(cursor.position))) this.#broken('live before it had all')
    this.#live = true
    this.#around.after(this)
  }

  reset({ reason, from, now }: Reset): void {
    this.#note(`is reset (${reason}) to ${formatPosition(now)}`)
    if (!this.#here) this.#broken('reset after it left')
    const had = this.#claim ?? this.#at?.position
    if (!(from && had && isSamePosition(from, had))) this.#broken('told of a hole after a place that it does not have')
    this.#claim = undefined
    this.#at = this.#truth(now)
    this.#around.tally.resets[reason] += 1
    this.#around.after(this)
  }

  fail(error?: unknown): void {
    this.#note(`fails: ${String(error)}`)
    const expected = error === undefined ? this.whenBehind === 'close' : error instanceof Refused
    if (!expected) this.#broken(`failed: ${error instanceof Error ? error.stack : String(error)}`)
    this.leave()
  }

  #got(entry: Entry): void {
    const truth = this.#truth(entry.position)
    if (!this.#here) this.#broken('given an event after it left')
    if (this.#claim) this.#broken('given events after a place that it never had, and told of no hole')
    if (!truth || entry.message.data !== truth.message.data) this.#broken('given an event that was never published')
    else if (!this.#continues(truth)) this.#broken(`given ${named(truth)} after ${named(this.#at)}`)
    else this.#remember(truth)
  }

  // Who wants only the latest may be given any later one; it is never given one of another lineage.
  #continues(truth: Truth): boolean {
    if (this.whenBehind !== 'latest') return this.#at !== undefined && truth.previous === this.#at
    let ancestor = truth.previous
    while (ancestor && ancestor !== this.#at) ancestor = ancestor.previous
    return ancestor !== undefined
  }

  #remember(truth: Truth): void {
    this.#at = truth
    this.#around.tally.deliveries += 1
    if (this.#seen.has(truth)) this.#around.tally.repeated += 1
    this.#seen.add(truth)
  }

  #truth(position: Position): Truth | undefined {
    const truth = this.#around.broker.truth(position)
    if (!truth) this.#broken(`told of ${formatPosition(position)}, which never was`)
    return truth
  }

  #broken(what: string): void {
    this.#around.broken(`${this.name} was ${what}`)
  }

  #note(what: string): void {
    this.#around.note(`${this.name} ${what}`)
  }
}

export const named = (truth: Truth | undefined) => (truth ? formatPosition(truth.position) : 'nothing')

// Against a plain reading of the framing and of the events: what a socket gets is what an iterator gets.
function isTrue({ chunks, last, text }: Range, entries: readonly Entry[]): boolean {
  const bytes = entries.map(({ position, message }) => {
    const event = `id: ${formatPosition(position)}\ndata: ${message.data}\n\n`
    return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`
  })
  const newest = entries.at(-1)
  return newest?.position === last && chunks.toString() === bytes.join('') && text().length > 0
}
