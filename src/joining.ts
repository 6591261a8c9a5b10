import type { Cursor } from './cursor.js'
import { isPassing } from './errors.js'
import type { Log } from './log.js'
import type { Entry, Plugin, ReadResult, ResetReason } from './plugin.js'
import { follows, formatPosition, isSamePosition, NOWHERE, type Position, previous } from './position.js'
import type { Replica } from './replica.js'
import { Shared } from './shared.js'

/** How often a follower is brought in anew where this process has not come as far as the history it was given. */
const TRIES = 3

/** Milliseconds after which a follower that could not be brought in is tried again. */
const RETRY = 1_000

export interface JoiningHooks {
  /** The follower goes on at a place of the log. */
  joined(cursor: Cursor, place: number, log: Log): void
  /** What lies between the follower and a position cannot be had. */
  reset(cursor: Cursor, reason: ResetReason, now: Position): void
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

/** How followers come into a channel's log: from its end, from a place that it still holds, or from history. */
export class Joining {
  readonly #channel: string
  readonly #plugin: Plugin
  readonly #replica: Replica
  readonly #maxReplay: number
  readonly #hooks: JoiningHooks
  readonly #reads = new Shared<Missed>()
  readonly #finds = new Shared<Position>()
  readonly #unjoined = new Set<Cursor>()
  #timer: NodeJS.Timeout | undefined

  constructor(channel: string, plugin: Plugin, replica: Replica, maxReplay: number, hooks: JoiningHooks) {
    this.#channel = channel
    this.#plugin = plugin
    this.#replica = replica
    this.#maxReplay = maxReplay
    this.#hooks = hooks
  }

  /** Gives a follower its place in the log, however long that takes. */
  join(cursor: Cursor): void {
    cursor.place = undefined
    this.#bringIn(cursor).catch(error => {
      if (cursor.closed) return
      if (isPassing(error)) this.#joinLater(cursor)
      else cursor.follower.fail(error)
    })
  }

  leave(cursor: Cursor): void {
    this.#unjoined.delete(cursor)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #joinLater(cursor: Cursor): void {
    this.#unjoined.add(cursor)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const unjoined of this.#unjoined) this.join(unjoined)
      this.#unjoined.clear()
    }, RETRY).unref()
  }

  async #bringIn(cursor: Cursor, tries = 0): Promise<void> {
    if (cursor.seen !== undefined) await this.#locate(cursor, cursor.seen)
    if (cursor.closed) return
    const log = await this.#logFor(cursor.position, tries > 0)
    if (cursor.closed) return
    if (cursor.follower.newestFirst && log.top.offset > 0) cursor.position ??= previous(log.top)
    const after = cursor.position
    const place = after ? log.placeAfter(after) : log.end
    if (place === undefined) await this.#replay(cursor, after as Position, log, tries)
    else this.#hooks.joined(cursor, place, log)
  }

  // An id that no event has names a place that is nowhere, so it ends in a hole.
  async #locate(cursor: Cursor, id: string): Promise<void> {
    const find = async () => (await this.#plugin.find?.(this.#channel, id)) ?? NOWHERE
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
      this.#hooks.joined(cursor, missed.place, log)
    } else if (missed.reason === undefined && tries < TRIES) {
      await this.#bringIn(cursor, tries + 1) // history leads on, but not to what is held here: this process lags
    } else {
      const now = log.end // the log may go on while the follower is told
      this.#hooks.reset(cursor, missed.reason ?? 'fork', log.top)
      this.#hooks.joined(cursor, now, log)
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
    return this.#plugin.read(this.#channel, after, this.#maxReplay)
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
