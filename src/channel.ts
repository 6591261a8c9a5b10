import { Cursor, type CursorOwner, type Follower } from './cursor.js'
import { Joining } from './joining.js'
import type { Log } from './log.js'
import type { Plugin, ResetReason } from './plugin.js'
import type { Position } from './position.js'
import { Replica, type ReplicaSettings } from './replica.js'
import { type Sweepable, sweep } from './sweep.js'

export interface ChannelSettings extends ReplicaSettings {
  /** Least milliseconds between two sweeps: more latency, fewer writes. Default 0. */
  readonly coalesce?: number | undefined
}

export interface ChannelHooks {
  /** The last follower has left: the channel is not to be used again. */
  emptied(): void
  failed(error: unknown): void
  /** All followers had their turn, so many milliseconds after the first of the new events came. */
  fannedOut(followers: number, duration: number): void
}

/** A channel in this process, as it is now. */
export interface ChannelStats {
  /** What it is called by `publish`. */
  readonly name: string
  /** Streams and subscriptions that follow it here. */
  readonly followers: number
  /** Events that it has had since it is followed here. */
  readonly events: number
  /** Bytes of encoded events that are held for its followers. */
  readonly logBytes: number
  /** Bytes that the slowest follower has not got yet. */
  readonly lag: number
}

/** One channel in this process: a replica of its end, and the cursors of all who follow. */
export class Channel implements Sweepable, CursorOwner {
  readonly name: string
  readonly #settings: ChannelSettings
  readonly #hooks: ChannelHooks
  readonly #replica: Replica
  readonly #joining: Joining
  readonly #cursors: Cursor[] = []
  #next = 0
  #unserved = 0
  #swept = 0
  #appendedAt = 0
  #sweptTo = 0
  #sweepTimer: NodeJS.Timeout | undefined

  constructor(name: string, plugin: Plugin, settings: ChannelSettings, hooks: ChannelHooks) {
    this.name = name
    this.#settings = settings
    this.#hooks = hooks
    this.#replica = new Replica(name, plugin, settings, {
      appended: () => this.#appended(),
      restarted: (now, reason) => this.#restarted(now, reason),
      failed: hooks.failed,
    })
    this.#joining = new Joining(name, plugin, this.#replica, settings.maxReplay, {
      joined: (cursor, place, log) => this.#settle(cursor, place, log),
      reset: (cursor, reason, now) => this.#reset(cursor, reason, now),
    })
  }

  get logBytes(): number {
    const { log } = this.#replica
    return log ? log.end - log.start : 0
  }

  stats(): ChannelStats {
    const { log } = this.#replica
    const end = log?.end ?? 0
    let slowest = end
    for (const { place = end } of this.#cursors) slowest = Math.min(slowest, place)
    const { name, logBytes } = this
    return { name, followers: this.#cursors.length, events: log?.appended ?? 0, logBytes, lag: end - slowest }
  }

  /** Follows the channel from its newest event, or from one that the follower has seen: its position, or the id that its publisher gave. */
  follow(follower: Follower, after: Position | string | undefined): Cursor {
    const cursor = new Cursor(this, follower)
    if (typeof after === 'string') cursor.seen = after
    else cursor.position = after
    cursor.index = this.#cursors.push(cursor) - 1
    if (this.#unserved > 0) this.#unserved += 1 // it takes one of the turns that are left
    this.#joining.join(cursor)
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
    this.#joining.leave(cursor)
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
    if (this.#appendedAt > 0) this.#hooks.fannedOut(this.#cursors.length, performance.now() - this.#appendedAt)
    this.#appendedAt = 0
    return false
  }

  #appended(): void {
    if (this.#appendedAt === 0) this.#appendedAt = performance.now()
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
    else this.#joining.join(cursor)
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
    this.#joining.end()
    this.#hooks.emptied()
    this.#replica.close()
  }
}
