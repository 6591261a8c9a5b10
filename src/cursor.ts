import type { Range } from './log.js'
import type { Entry, ResetReason } from './plugin.js'
import type { Position } from './position.js'

/** A hole: events after `from` that a follower cannot be given. It goes on from `now`. */
export interface Reset {
  readonly reason: ResetReason
  readonly from: Position | undefined
  readonly now: Position
}

/** What a slow client gets once it reads again. */
export type WhenBehind = 'catch-up' | 'latest' | 'close'

/** Who follows a channel. */
export interface Follower {
  /** Whether it can take more now. When it can again, it calls `cursor.advance()`. */
  readonly ready: boolean
  /** What happens when it is behind: it gets all that it missed, only the newest event, or is closed. */
  readonly whenBehind: WhenBehind
  /** Whether it begins with the newest event, if there is one, where it does not go on from a position. */
  readonly newestFirst?: boolean
  /** Events that follow what it has. */
  take(range: Range): void
  /** Events from history that follow what it has. */
  replay(entries: readonly Entry[]): void
  /** It has a place in the channel now, and what follows `cursor.position` will be given to it. */
  joined(cursor: Cursor): void
  /** It has all that there was to replay. Called once. */
  live(cursor: Cursor): void
  reset(reset: Reset): void
  /** It cannot be served any more: an error, or none when it is closed for being behind. */
  fail(error?: unknown): void
}

/** Characters of history that a follower is given at a time. */
const PAGE = 16_384

/** What an event has on the wire besides, about. */
const OVERHEAD = 64

const NONE: readonly Entry[] = []

/** What moves cursors. */
export interface CursorOwner {
  serve(cursor: Cursor): void
  leave(cursor: Cursor): void
}

/** Where a follower stands in a channel. */
export class Cursor {
  readonly #channel: CursorOwner
  readonly follower: Follower
  /** The id of the last event that the follower got, until its position is found. */
  seen: string | undefined
  /** After the last event that the follower got. */
  position: Position | undefined
  /** The same in the channel's log; undefined while it is being brought there from history. */
  place: number | undefined
  /** What it gets from history before it goes on in the log. */
  backlog: readonly Entry[] = NONE
  /** Whether its follower could not take all that there was. */
  behind = false
  /** Whether it has once had all that there was. */
  live = false
  /** Its place among the channel's cursors; -1 when it is closed. */
  index = -1

  constructor(channel: CursorOwner, follower: Follower) {
    this.#channel = channel
    this.follower = follower
  }

  /** Gives the follower all that it can take. */
  advance(): void {
    this.#channel.serve(this)
  }

  /** Takes the next page of the backlog: a thousand clients that come back and do not read must not hold a thousand histories. */
  nextPage(): readonly Entry[] {
    let count = 0
    for (let size = 0; size < PAGE && count < this.backlog.length; count++) {
      const { data = '', event = '' } = this.backlog[count]?.message ?? {}
      size += data.length + event.length + OVERHEAD
    }
    const page = this.backlog.slice(0, count)
    this.backlog = this.backlog.slice(count)
    this.position = page.at(-1)?.position
    return page
  }

  get closed(): boolean {
    return this.index === -1
  }

  /** Stops following. Twice is harmless. */
  close(): void {
    if (!this.closed) this.#channel.leave(this)
  }
}
