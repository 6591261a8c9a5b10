import type { Context } from 'koa'
import { flag, MAX_TIMEOUT, oneOf, positive, positiveInteger, wrong } from './checks.js'

/** What who comes late is given of a run. */
export type Replay = 'all' | 'latest' | 'none'

/** Options of sources that are run once for many viewers. */
export interface ShareOptions {
  /**
   * One run for all viewers (`true`), or one for each key that a function of `ctx` returns: a job's id, say. It may refuse by throwing
   * (`ctx.throw(404)`). The run begins with its first viewer.
   * @default false: each client has a run of its own
   */
  share?: boolean | ((ctx: Context) => string | Promise<string>) | undefined
  /**
   * What who comes late is given first: all events of the run, the latest, or none. Who comes back is given what was missed.
   * @default 'all'; 'latest' for streamFunc
   */
  replay?: Replay | undefined
  /**
   * Milliseconds after its last viewer has left until a run is stopped.
   * @default 10_000
   */
  linger?: number | undefined
  /**
   * Lets a run go on to its end whoever watches, for `maxAge` milliseconds at most.
   * @default false
   */
  detached?: boolean | undefined
  /**
   * Milliseconds for which the end of a run is kept: who comes then gets its events and its end, not a second run.
   * @default 60_000
   */
  keep?: number | undefined
  /**
   * Milliseconds after which a detached run is stopped.
   * @default 3_600_000
   */
  maxAge?: number | undefined
  /**
   * Most runs of this mount that are alive in this process. Who would begin one more is told when to come back: see
   * `overload`.
   * @default 1_000
   */
  maxRuns?: number | undefined
  /**
   * Most events of a run that are kept for viewers. Who needs older ones is told so: `stream-reset`.
   * @default 10_000
   */
  maxEvents?: number | undefined
  /**
   * Whether a run waits while none of its viewers here can take more (`fastest`), or for nobody.
   * @default 'fastest'
   */
  pace?: 'fastest' | 'nobody' | undefined
  /**
   * Whether the source can go on where another process has died, from `lastEventId` and `position`. If not, it is run from its
   * beginning there, and viewers are told so: `stream-reset`.
   * @default false; true for streamFunc
   */
  resumable?: boolean | undefined
  /**
   * Milliseconds after which another process takes over from one that has died.
   * @default 5_000
   */
  lease?: number | undefined
}

/** Marks the options of a source that is shared. */
export interface Shared {
  /** As in `SourceOptions`, and set. */
  share: true | ((ctx: Context) => string | Promise<string>)
}

/** Checked options of a shared mount. */
export interface ShareSettings {
  readonly key: (ctx: Context) => string | Promise<string>
  readonly replay: Replay
  readonly linger: number
  readonly detached: boolean
  readonly keep: number
  readonly maxAge: number
  readonly maxRuns: number
  readonly maxEvents: number
  readonly pace: 'fastest' | 'nobody'
  readonly resumable: boolean
  readonly lease: number
}

/** The names of the options above. */
export const SHARE_OPTIONS = [
  ...['share', 'replay', 'linger', 'detached', 'keep', 'maxAge', 'maxRuns', 'maxEvents', 'pace', 'resumable', 'lease'],
]

/**
 * @returns undefined for a source that is not shared.
 * @throws TypeError or RangeError for a value that cannot be used, or an option of shared sources without `share`.
 */
export function shareSettings(options: ShareOptions, isFunc: boolean): ShareSettings | undefined {
  const { share = false } = options
  if (typeof share !== 'boolean' && typeof share !== 'function')
    throw wrong('share', 'true or a function of ctx', share)
  if (share === false) {
    const idle = SHARE_OPTIONS.find(name => name !== 'share' && options[name as keyof ShareOptions] !== undefined)
    if (idle !== undefined) throw new TypeError(`${idle} is an option of shared sources: set share too`)
    return undefined
  }
  const { replay = isFunc ? 'latest' : 'all', pace = 'fastest' } = options
  return {
    key: share === true ? () => '' : share,
    replay: oneOf<Replay>('replay', replay, ['all', 'latest', 'none']),
    linger: time('linger', options.linger ?? 10_000),
    detached: flag('detached', options.detached ?? false),
    keep: time('keep', options.keep ?? 60_000),
    maxAge: positive('maxAge', options.maxAge ?? 3_600_000, MAX_TIMEOUT),
    maxRuns: positiveInteger('maxRuns', options.maxRuns ?? 1_000),
    maxEvents: positiveInteger('maxEvents', options.maxEvents ?? 10_000),
    pace: oneOf('pace', pace, ['fastest', 'nobody']),
    resumable: flag('resumable', options.resumable ?? isFunc),
    lease: positive('lease', options.lease ?? 5_000, MAX_TIMEOUT),
  }
}

const time = (name: string, value: number) => (value === 0 ? 0 : positive(name, value, MAX_TIMEOUT))
