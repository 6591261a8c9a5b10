import { Cursor, type CursorOwner, type Follower } from './cursor.js'
import { SseError } from './errors.js'
import { isMessage } from './event.js'
import { Log } from './log.js'
import type { Entry, Plugin, ReadResult, ResetReason, Unsubscribe } from './plugin.js'
import { follows, formatPosition, isSamePosition, NOWHERE, type Position } from './position.js'
import { type Sweepable, sweep } from './sweep.js'

/** How often a follower is brought in anew where this process has not come as far as the history it was given. */
const TRIES = 3

/** Milliseconds after which a read that failed is tried again. */
const RETRY = 1_000

export interface ChannelSettings {
  /** Bytes of encoded events that are held for followers that are behind. */
  readonly maxLog: number
  /** Most events that are replayed to one follower; who missed more is told of the hole. */
  readonly maxReplay: number
  /** Least milliseconds between two sweeps: more latency, fewer writes. Default 0. */
  readonly coalesce?: number | undefined
}

export interface ChannelHooks {
  /** The last follower has left: the channel is not to be used again. */
  emptied(): void
  failed(error: unknown): void
}

/**
 * One channel in this process: one subscription with the plugin, one verified position, and the cursors of all who follow.
 *
 * What is received counts only if it follows what is held; anything else is read again from there. So no loss, doubling or
 * disorder between processes reaches a follower.
 */
export class Channel implements Sweepable, CursorOwner {
  readonly name: string
  readonly #plugin: Plugin
  readonly #settings: ChannelSettings
  readonly #hooks: ChannelHooks
  readonly #cursors: Cursor[] = []
  #log: Log | undefined
  #unsubscribe: Promise<Unsubscribe> | undefined
  #syncing: Promise<void> | undefined
  #received: Entry[] | undefined
  #stale = false
  #lineage = 0
  #next = 0
  #unserved = 0
  #swept = 0
  #sweptTo = 0
  #sweepTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined

  constructor(name: string, plugin: Plugin, settings: ChannelSettings, hooks: ChannelHooks) {
    this.name = name
    this.#plugin = plugin
    this.#settings = settings
    this.#hooks = hooks
  }

  get followers(): number {
    return this.#cursors.length
  }

  /** Follows the channel from its newest event, or from a position of which the follower has all events. */
  follow(follower: Follower, after: Position | undefined): Cursor {
    const cursor = new Cursor(this, follower)
    cursor.position = after
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
    if (this.#cursors.length === 0) this.#end()
  }

  /** Gives one follower what it has not got yet, as far as it can take it. */
  serve(cursor: Cursor): void {
    const log = this.#log
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
    this.#sweptTo = this.#log?.end ?? 0
    return false
  }

  /** Reads again what may have been missed. A read that is under way does not do: it may have been answered before. */
  resync(): Promise<void> {
    this.#stale = true
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined
      if (this.#stale) this.#resyncOrReport()
    })
    return this.#syncing
  }

  // R1, R3: the subscription is acknowledged before the first read; what was received before a read is in it, or is discarded.
  async #sync(): Promise<void> {
    this.#stale = false
    await this.#subscribed()
    let received: Entry[] = []
    do {
      this.#stale = false
      this.#received = []
      try {
        this.#take(await this.#plugin.read(this.name, this.#log?.top, this.#settings.maxReplay))
      } catch (error) {
        this.#salvage(this.#received)
        throw error
      } finally {
        received = this.#received ?? []
        this.#received = undefined
      }
    } while (this.#stale || !received.every(entry => this.#accept(entry)))
  }

  // A read that failed leaves what came meanwhile, as far as it follows what is held.
  #salvage(received: readonly Entry[]): void {
    this.#received = undefined
    if (this.#log) received.every(entry => this.#accept(entry))
  }

  async #subscribed(): Promise<void> {
    this.#unsubscribe ??= this.#plugin.subscribe(
      this.name,
      entry => this.#receive(entry),
      () => this.#resyncOrReport(),
    )
    try {
      await this.#unsubscribe
    } catch (error) {
      this.#unsubscribe = undefined
      throw error
    }
  }

  #take(result: ReadResult): void {
    if (!this.#log) this.#log = new Log(result.top, this.#settings.maxLog)
    else if (!result.ok) this.#restart(result.top, result.reason)
    else if (!result.entries.every(entry => this.#accept(entry))) this.#restart(result.top, 'fork')
  }

  #receive(entry: Entry): void {
    if (this.#received) this.#received.push(entry)
    else if (this.#log && !this.#accept(entry)) this.#resyncOrReport()
  }

  // R2: an entry counts only if it follows what is held. One that is held already is a duplicate.
  #accept(entry: Entry): boolean {
    const log = this.#log as Log
    if (!follows(entry.position, log.top)) return log.has(entry.position)
    log.append(this.#isFine(entry) ? entry : { position: entry.position, message: undefined })
    this.#unserved = this.#cursors.length
    // A burst that is about to push out of the log what nobody had a turn to get: this is the turn.
    if (log.end - this.#sweptTo > this.#settings.maxLog / 2) this.advance(Number.POSITIVE_INFINITY)
    else this.#sweepSoon()
    return true
  }

  // What another process has published is not to be trusted, and no reason to stop.
  #isFine({ position, message }: Entry): boolean {
    if (isMessage(message)) return true
    const where = `at ${formatPosition(position)} of channel '${this.name}'`
    this.#hooks.failed(
      new SseError('ERR_SSE_MESSAGE', `A message ${where} is not one that can be sent: it was left out`),
    )
    return false
  }

  #sweepSoon(): void {
    const { coalesce = 0 } = this.#settings
    const wait = coalesce === 0 ? 0 : this.#swept + coalesce - performance.now()
    if (wait <= 0) sweep(this)
    else this.#sweepTimer ??= setTimeout(() => sweep(this), wait).unref()
  }

  #restart(now: Position, reason: ResetReason): void {
    const log = this.#log as Log
    log.restart(now)
    this.#lineage += 1
    for (const cursor of [...this.#cursors]) {
      if (cursor.place === undefined || cursor.closed) continue
      cursor.place = log.end
      this.#reset(cursor, reason)
    }
  }

  #reset(cursor: Cursor, reason: ResetReason): void {
    const log = this.#log as Log
    const from = cursor.position
    cursor.position = log.top
    cursor.backlog = []
    cursor.follower.reset({ reason, from, now: log.top })
  }

  #overrun(cursor: Cursor): void {
    if (cursor.follower.whenBehind === 'close') cursor.follower.fail()
    else this.#join(cursor)
  }

  #join(cursor: Cursor): void {
    cursor.place = undefined
    this.#bringIn(cursor).catch(error => {
      if (!cursor.closed) cursor.follower.fail(error)
    })
  }

  async #bringIn(cursor: Cursor, tries = 0): Promise<void> {
    const log = await this.#logFor(cursor.position, tries > 0)
    if (cursor.closed) return
    const after = cursor.position
    const place = after ? log.placeAfter(after) : log.end
    if (place === undefined) await this.#replay(cursor, after as Position, log, tries)
    else this.#settle(cursor, place, log)
  }

  // R5: a position ahead of the log's comes from a process that is further on, so this one reads first.
  async #logFor(after: Position | undefined, lags: boolean): Promise<Log> {
    let log = await this.#synced()
    if (lags || (after && after.epoch === log.top.epoch && after.offset > log.top.offset)) {
      await this.resync()
      log = await this.#synced()
    }
    return log
  }

  async #synced(): Promise<Log> {
    while (!this.#log || this.#syncing) await (this.#syncing ?? this.resync())
    return this.#log
  }

  // R4: the follower joins at a bound, the top as it is now, and gets what is between from history.
  async #replay(cursor: Cursor, after: Position, log: Log, tries: number): Promise<void> {
    const { top, end } = log
    const lineage = this.#lineage
    const result = await this.#history(after)
    if (cursor.closed) return
    const missed = result.ok ? result.entries.filter(({ position }) => position.offset <= top.offset) : []
    if (result.ok && lineage === this.#lineage && isChain(after, missed, top)) {
      const fine = missed.filter(entry => this.#isFine(entry))
      cursor.backlog = cursor.follower.whenBehind === 'latest' ? fine.slice(-1) : fine
      if (fine.length === 0) cursor.position = top
      this.#settle(cursor, end, log)
    } else if (result.ok && tries < TRIES) {
      await this.#bringIn(cursor, tries + 1) // history leads on, but not to what is held here: this process lags
    } else {
      const now = log.end // the log may go on while the follower is told
      this.#reset(cursor, result.ok ? 'fork' : result.reason)
      this.#settle(cursor, now, log)
    }
  }

  async #history(after: Position): Promise<ReadResult> {
    const top = (this.#log as Log).top
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

  // A channel on which nothing more is published would not notice that it lacks something: so it tries again.
  #resyncOrReport(): void {
    this.resync().catch(error => {
      this.#hooks.failed(error)
      if (this.#cursors.length > 0) this.#retryTimer ??= setTimeout(() => this.#retry(), RETRY).unref()
    })
  }

  #retry(): void {
    this.#retryTimer = undefined
    this.#resyncOrReport()
  }

  #end(): void {
    clearTimeout(this.#sweepTimer)
    clearTimeout(this.#retryTimer)
    this.#hooks.emptied()
    this.#unsubscribe?.then(unsubscribe => unsubscribe()).catch(error => this.#hooks.failed(error))
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
