import type { Message } from './event.js'
import type { Position } from './position.js'

/** Begins the names of the channels of runs: no channel of a user's can be called so. */
export const RUN = '\u0001'

/** What one process asks of a run. */
export interface Claim {
  /** Who asks: a process, or one of several parts of one that have nothing else in common. */
  readonly holder: string
  /** Milliseconds for which it is held, unless it is claimed again before. */
  readonly lease: number
  /** Whether this process has viewers of it. */
  readonly watching: boolean
  /** Most events that are kept. */
  readonly count: number
  /** Whether it is begun if there is no such run. */
  readonly begin: boolean
  /** Takes it from whoever holds it. */
  readonly force?: boolean | undefined
}

/** Where a run stands, as one process is told. */
export interface Standing {
  /** Whether this process holds it, another does, it has ended, or there is no such run and it was not to be begun. */
  readonly status: 'mine' | 'elsewhere' | 'over' | 'gone'
  /** Names the holding: who has lost it cannot publish with it any more. */
  readonly token: number
  /** Before the run's first event. */
  readonly start: Position
  /** After its newest. */
  readonly top: Position
  /** Whether it was begun by this claim. */
  readonly isNew: boolean
  /** How many other processes have viewers of it. */
  readonly others: number
}

/**
 * What a plugin needs for runs that processes share: a channel that only one of them publishes to, and that the next one goes on with
 * if that one dies. All times are taken from one clock, the store's.
 */
export interface RunStore {
  /** Whether no other process has it: who watches a run here cannot go on elsewhere. */
  readonly isLocal?: boolean
  /** Begins a run, takes one over whose holder has let it lapse, or renews the holding; or tells who has it. */
  claim(channel: string, claim: Claim): Promise<Standing>
  /**
   * Publishes as the holder, the run's next event after a position; so many events are kept. Called again with the same after a failure, it publishes once.
   * Resolves to undefined if the run is not held with this token any more, or has gone on: nothing is published then.
   */
  publish(
    channel: string,
    message: Message,
    token: number,
    after: Position,
    count: number,
  ): Promise<Position | undefined>
  /** Begins the run's events anew, in another epoch. Resolves to its start. */
  restart(channel: string, token: number): Promise<Position | undefined>
  /** Ends the run: it is kept for so many milliseconds. */
  finish(channel: string, token: number, keep: number): Promise<void>
}
