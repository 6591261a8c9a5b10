import { Cursor, type CursorOwner, type Follower } from './cursor.js'
import { isPassing } from './errors.js'
import type { Log } from './log.js'
import type { Entry, Plugin, ReadResult, ResetReason } from './plugin.js'
import { follows, formatPosition, isSamePosition, NOWHERE, type Position } from './position.js'
import { Replica, type ReplicaSettings } from './replica.js'
import { Shared } from './shared.js'
import { type Sweepable, sweep } from './sweep.js'

/** How often a follower is brought in anew where this process has not come as far as the history it was given. */
const TRIES = 3

/** Milliseconds after which a follower that could not be brought in is tried again. */
const RETRY = 1_000

export interface ChannelSettings extends ReplicaSettings {
  /** Least milliseconds between two sweeps: more latency, fewer writes. Default 0. */
  readonly coalesce?: number | undefined
}

export interface ChannelHooks {
  /** The last follower has left: the channel is not to be used again. */
  emptied(): void
  failed(error: unknown): void
}

/** What history has for who joins: the entries up to a bound in the log, or why they cannot be had. */
interface Missed {
  readonly reason: ResetReason | undefined
  readonly entries: readonly Entry[]
  /** Whether they lead to the bound without a hole. */
  readonly whole: boolean
  /** The bound: a place in the log, the position there, and which log it is. */
  readonly place: number
  readonly top: Position
  readonly lineage: number
}

/** One channel in this process: a replica of its end, and the cursors of all who follow. */
export class Channel implements Sweepable, CursorOwner {
  readonly name: string
  readonly #plugin: Plugin
  readonly #settings: ChannelSettings
  readonly #hooks: ChannelHooks
  readonly #replica: Replica
  readonly #cursors: Cursor[] = []
  readonly #reads = new Shared<Missed>()
  readonly #finds = new Shared<Position>()
  readonly #unjoined = new Set<Cursor>()
  #next = 0
  #unserved = 0
  #swept = 0
  #sweptTo = 0
  #sweepTimer: NodeJS.Timeout | undefined
  #joinTimer: NodeJS.Timeout | undefined

  constructor(name: string, plugin: Plugin, settings: ChannelSettings, hooks: ChannelHooks) {
    this.name = name
    this.#plugin = plugin
    this.#settings = settings
    this.#hooks = hooks
    this.#replica = new Replica(name, plugin, settings, {
      appended: () => this.#appended(),
      restarted: (now, reason) => this.#restarted(now, reason),
      failed: hooks.failed,
    })
  }

  get followers(): number {
    return this.#cursors.length
  }

  /** Follows the channel from its newest event, or from one that the follower has seen: its position, or the id that its publisher gave. */
  follow(follower: Follower, after: Position | string | undefined): Cursor {
    const cursor = new Cursor(this, follower)
    if (typeof after === 'string') cursor.seen = after
    else cursor.position = after
    cursor.index = this.#cursors.push(cursor) - 1
    if (this.#unserved > 0) this.#unserved += 1 // it takes one of the turns that are left
    this.#join(cursor)
    return cursor
  }

  leave(cursor: Cursor): void {
    const last = this.#cursors.pop() as Cursor
    if (last !== cursor) {
      this.#cursors[cursor.index] = last
      last.index = cursor.index
      this.#unserved = this.#cursors.length // the one that moved may have been passed over
    }
    cursor.index = -1
    this.#unjoined.delete(cursor)
    if (this.#cursors.length === 0) this.#end()
  }

  /** Gives one follower what it has not got yet, as far as it can take it. */
  serve(cursor: Cursor): void {
    const { log } = this.#replica
    const { follower } = cursor
    while (log && cursor.place !== undefined && !cursor.closed && follower.ready) {
      if (cursor.backlog.length > 0) {
        follower.replay(cursor.nextPage())
        continue
      }
      if (cursor.behind && follower.whenBehind === 'latest') cursor.place = Math.max(cursor.place, log.newest)
      if (cursor.place < log.start) {
        this.#overrun(cursor)
        return
      }
      const range = log.rangeFrom(cursor.place)
      if (!range) {
        cursor.behind = false
        this.#announce(cursor)
        return
      }
      cursor.place = range.end
      cursor.position = range.last
      follower.take(range)
    }
    if (cursor.place !== undefined) cursor.behind = true
  }

  #announce(cursor: Cursor): void {
    if (cursor.live) return
    cursor.live = true
    cursor.follower.live(cursor)
  }

  advance(until: number): boolean {
    clearTimeout(this.#sweepTimer)
    this.#sweepTimer = undefined
    this.#swept = performance.now()
    while (this.#unserved > 0) {
      if (this.#unserved % 8 === 0 && performance.now() >= until) return true
      this.#unserved -= 1 // before it is served: in that, it may leave or publish, and then all are to be served again
      if (this.#next >= this.#cursors.length) this.#next = 0
      const cursor = this.#cursors[this.#next++]
      if (cursor) this.serve(cursor)
    }
    this.#sweptTo = this.#replica.log?.end ?? 0
    return false
  }

  #appended(): void {
    this.#unserved = this.#cursors.length
    const end = this.#replica.log?.end ?? 0
    // A burst that is about to push out of the log what nobody had a turn to get: this is the turn.
    if (end - this.#sweptTo > this.#settings.maxLog / 2) this.advance(Number.POSITIVE_INFINITY)
    else this.#sweepSoon()
  }

  #sweepSoon(): void {
    const { coalesce = 0 } = this.#settings
    const wait = coalesce === 0 ? 0 : this.#swept + coalesce - performance.now()
    if (wait <= 0) sweep(this)
    else this.#sweepTimer ??= setTimeout(() => sweep(this), wait).unref()
  }

  #restarted(now: Position, reason: ResetReason): void {
    const place = this.#replica.log?.end
    for (const cursor of [...this.#cursors]) {
      if (cursor.place === undefined || cursor.closed) continue
      cursor.place = place
      this.#reset(cursor, reason, now)
    }
  }

  #reset(cursor: Cursor, reason: ResetReason, now: Position): void {
    const from = cursor.position
    cursor.position = now
    cursor.backlog = []
    cursor.follower.reset({ reason, from, now })
  }

  #overrun(cursor: Cursor): void {
    if (cursor.follower.whenBehind === 'close') cursor.follower.fail()
    else this.#join(cursor)
  }

  #join(cursor: Cursor): void {
    cursor.place = undefined
    this.#bringIn(cursor).catch(error => {
      if (cursor.closed) return
      if (isPassing(error)) this.#joinLater(cursor)
      else cursor.follower.fail(error)
    })
  }

  #joinLater(cursor: Cursor): void {
    this.#unjoined.add(cursor)
    this.#joinTimer ??= setTimeout(() => {
      this.#joinTimer = undefined
      for (const unjoined of this.#unjoined) this.#join(unjoined)
      this.#unjoined.clear()
    }, RETRY).unref()
  }

  async #bringIn(cursor: Cursor, tries = 0): Promise<void> {
    if (cursor.seen !== undefined) await this.#locate(cursor, cursor.seen)
    const log = await this.#logFor(cursor.position, tries > 0)
    if (cursor.closed) return
    const after = cursor.position
    const place = after ? log.placeAfter(after) : log.end
    if (place === undefined) await this.#replay(cursor, after as Position, log, tries)
    else this.#settle(cursor, place, log)
  }

  // An id that no event has names a place that is nowhere, so it ends in a hole.
  async #locate(cursor: Cursor, id: string): Promise<void> {
    const find = async () => (await this.#plugin.find?.(this.name, id)) ?? NOWHERE
    cursor.position = await this.#finds.of(id, find)
    cursor.seen = undefined
  }

  // R5: a position ahead of the log's comes from a process that is further on, so this one reads first.
  async #logFor(after: Position | undefined, lags: boolean): Promise<Log> {
    let log = await this.#replica.synced()
    if (lags || (after && after.epoch === log.top.epoch && after.offset > log.top.offset)) {
      await this.#replica.resync()
      log = await this.#replica.synced()
    }
    return log
  }

  // R4: the follower joins at a bound, and gets what is between from history.
  async #replay(cursor: Cursor, after: Position, log: Log, tries: number): Promise<void> {
    const missed = await this.#missed(after, log)
    if (cursor.closed) return
    if (missed.whole && missed.lineage === this.#replica.lineage) {
      cursor.backlog = cursor.follower.whenBehind === 'latest' ? missed.entries.slice(-1) : missed.entries
      if (missed.entries.length === 0) cursor.position = missed.top
      this.#settle(cursor, missed.place, log)
    } else if (missed.reason === undefined && tries < TRIES) {
      await this.#bringIn(cursor, tries + 1) // history leads on, but not to what is held here: this process lags
    } else {
      const now = log.end // the log may go on while the follower is told
      this.#reset(cursor, missed.reason ?? 'fork', log.top)
      this.#settle(cursor, now, log)
    }
  }

  // Who asks for the same while it is read joins at the same bound: a storm of clients that come back costs one read for each place.
  #missed(after: Position, log: Log): Promise<Missed> {
    return this.#reads.of(formatPosition(after), async () => {
      const { top, end: place } = log
      const bound = { place, top, lineage: this.#replica.lineage }
      const result = await this.#history(after, top)
      if (!result.ok) return { ...bound, reason: result.reason, entries: [], whole: false }
      const missed = result.entries.filter(({ position }) => position.offset <= top.offset)
      const entries = missed.filter(entry => this.#replica.isFine(entry))
      return { ...bound, reason: undefined, entries, whole: isChain(after, missed, top) }
    })
  }

  async #history(after: Position, top: Position): Promise<ReadResult> {
    if (after === NOWHERE) return { ok: false, reason: 'malformed', top }
    return this.#plugin.read(this.name, after, this.#settings.maxReplay)
  }

  #settle(cursor: Cursor, place: number, log: Log): void {
    if (cursor.closed) return
    cursor.place = place
    cursor.position ??= log.top
    cursor.follower.joined(cursor)
    this.serve(cursor)
  }

  #end(): void {
    clearTimeout(this.#sweepTimer)
    clearTimeout(this.#joinTimer)
    this.#hooks.emptied()
    this.#replica.close()
  }
}

/** Whether entries lead from one position to another without a hole. */
function isChain(from: Position, entries: readonly Entry[], to: Position): boolean {
  let at = from
  for (const { position } of entries) {
    if (!follows(position, at)) return false
    at = position
  }
  return isSamePosition(at, to)
}
