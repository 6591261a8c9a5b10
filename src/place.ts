import { Activity } from './activity.js'
import type { Control } from './control.js'
import type { Limits } from './limits.js'
import type { PubSub } from './pubsub.js'
import { rethrow } from './rethrow.js'
import type { Runs } from './runs.js'

/** Where a mount is: what it shares with the others of its router. */
export interface Place {
  /** The mount's path: mounts that have the same, in processes that share a store, share their runs. */
  readonly path: string
  readonly activity: Activity
  readonly limits?: Limits | undefined
  readonly control?: Control | undefined
}

/** Where a mount is whose source may be shared. */
export interface RunPlace extends Place {
  readonly pubsub: PubSub
  /** Called with the mount's runs. */
  added(runs: Runs): void
}

/** Where a mount is that has no router. */
export const NOWHERE: Place = { path: '', activity: new Activity(rethrow) }
