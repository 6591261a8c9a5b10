import type { Activity, ConnectionStats, EndReason, RefusalReason } from './activity.js'
import type { ResetReason } from './plugin.js'
import type { PubSub } from './pubsub.js'
import type { RunStats } from './runs.js'
import type { Streams } from './streams.js'

/** A router in this process: what is now, and totals since it was made. */
export interface Stats {
  /** Streams that are open now. */
  readonly connections: number
  /** Streams that were opened. */
  readonly accepted: number
  /** Requests that were refused, by reason. */
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>
  /** Streams that are over, by reason. */
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  /** Events that were sent to clients. */
  readonly events: number
  /** Bytes that were sent to clients, or wait to be. */
  readonly bytes: number
  /** Events that were published here. */
  readonly published: number
  /** How often clients were told of a hole, by reason. */
  readonly holes: Readonly<Partial<Record<ResetReason, number>>>
  /** What failed and was told to Koa's `error` event. */
  readonly failures: number
  /** Messages of others that are none that can be sent. */
  readonly rejected: number
  /** Channels that are followed here now. */
  readonly channels: number
  /** Bytes of encoded events that are held for followers now. */
  readonly logBytes: number
  /** The shared runs that this process runs or watches. */
  readonly runs: readonly RunStats[]
}

/** Adds up what streams, channels and runs tell. */
export function statsOf(activity: Activity, mounts: readonly Streams[], pubsub: PubSub, runs: RunStats[]): Stats {
  const { accepted, published, failures, refused, ended, holes } = activity
  const sent = { ...activity.sent }
  let connections = 0
  for (const streams of mounts) {
    connections += streams.open
    for (const { events, bytes } of streams) {
      sent.events += events
      sent.bytes += bytes
    }
  }
  const { rejected, channels, logBytes } = pubsub
  const tallies = { refused: { ...refused }, ended: { ...ended }, holes: { ...holes } }
  return { connections, accepted, ...tallies, ...sent, published, failures, rejected, channels, logBytes, runs }
}

/** The open streams of mounts, one by one. */
export function* connectionsOf(mounts: readonly Streams[]): Generator<ConnectionStats> {
  for (const streams of mounts) {
    for (const connection of streams) if (connection.opened > 0) yield streams.describe(connection)
  }
}
