import type { Activity, ConnectionStats } from '../activity.js'
import type { ChannelStats } from '../channel.js'
import type { Health } from '../plugin.js'
import type { PubSub } from '../pubsub.js'
import type { Stats } from '../stats.js'

/** What a dashboard shows: an `SseRouter`. */
export interface DashboardHost {
  readonly pubsub: PubSub
  readonly activity: Activity
  readonly closing: boolean
  stats(): Stats
  health(): Health
  channels(): Iterable<ChannelStats>
  connections(): Iterable<ConnectionStats>
  /** Ends a stream; false if there is none of this id. */
  end(id: number): boolean
}
