import type { Aggregator } from 'prom-client'
import type { EndReason, RefusalReason } from '../../src/activity.js'
import type { Health, ResetReason } from '../../src/plugin.js'
import type { SseRouter } from '../../src/router.js'

/** What is read of a router when its metrics are asked for. */
export interface Scrape {
  readonly stats: ReturnType<SseRouter['stats']>
  readonly health: Health
  /** Bytes that the client furthest behind has not got yet. */
  readonly lag: number
  readonly closing: boolean
}

/** A counter or a gauge: what it is called after the prefix, and where its value is read. */
export interface Reading {
  readonly type: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  /** What tells its values apart, where it has several. */
  readonly label?: string
  /** How the values of several processes become one, for prom-client's `AggregatorRegistry`. */
  readonly aggregator?: Aggregator
  /** Its value, or one for each value of the label. */
  read(scrape: Scrape): number | Readonly<Record<string, number>>
}

// All are there from the start, so that the first of a kind shows in a rate.
const REFUSED: Readonly<Record<RefusalReason, number>> = {
  unauthorized: 0,
  'not-acceptable': 0,
  connections: 0,
  'connections-per-key': 0,
  channels: 0,
  runs: 0,
  closing: 0,
  rate: 0,
  size: 0,
  'cross-site': 0,
}

const ENDED: Readonly<Record<EndReason, number>> = {
  left: 0,
  ended: 0,
  failed: 0,
  closed: 0,
  disconnected: 0,
  expired: 0,
  duration: 0,
  stalled: 0,
  behind: 0,
}

const HOLES: Readonly<Record<ResetReason, number>> = {
  absent: 0,
  epoch: 0,
  rollback: 0,
  fork: 0,
  trimmed: 0,
  limit: 0,
  malformed: 0,
}

/** Reads all of a router that the readings need. */
export function scrape(sse: SseRouter): Scrape {
  let lag = 0
  for (const channel of sse.channels()) lag = Math.max(lag, channel.lag)
  return { stats: sse.stats(), health: sse.health(), lag, closing: sse.closing }
}

export const READINGS: readonly Reading[] = [
  {
    type: 'gauge',
    name: 'connections',
    help: 'Streams that are open now.',
    read: ({ stats }) => stats.connections,
  },
  {
    type: 'counter',
    name: 'connections_accepted_total',
    help: 'Streams that were opened.',
    read: ({ stats }) => stats.accepted,
  },
  {
    type: 'counter',
    name: 'connections_ended_total',
    help: 'Streams that are over, by why.',
    label: 'reason',
    read: ({ stats }) => ({ ...ENDED, ...stats.ended }),
  },
  {
    type: 'counter',
    name: 'requests_refused_total',
    help: 'Requests for a stream, or to publish, that were refused, by why.',
    label: 'reason',
    read: ({ stats }) => ({ ...REFUSED, ...stats.refused }),
  },
  {
    type: 'gauge',
    name: 'closing',
    help: '1 once the router is being closed, and sends new streams away.',
    read: ({ closing }) => Number(closing),
  },
  {
    type: 'counter',
    name: 'events_sent_total',
    help: 'Events that were sent, one for each client that got it.',
    read: ({ stats }) => stats.events,
  },
  {
    type: 'counter',
    name: 'sent_bytes_total',
    help: 'Bytes of streams that were sent, or wait to be.',
    read: ({ stats }) => stats.bytes,
  },
  {
    type: 'counter',
    name: 'events_published_total',
    help: 'Events that were published in this process.',
    read: ({ stats }) => stats.published,
  },
  {
    type: 'gauge',
    name: 'channels',
    help: 'Channels that have followers in this process.',
    read: ({ stats }) => stats.channels,
  },
  {
    type: 'gauge',
    name: 'log_bytes',
    help: 'Bytes of encoded events that the logs of all channels hold.',
    read: ({ stats }) => stats.logBytes,
  },
  {
    type: 'gauge',
    name: 'slowest_client_lag_bytes',
    help: 'Bytes of its channel that the client furthest behind has not got yet.',
    aggregator: 'max',
    read: ({ lag }) => lag,
  },
  {
    type: 'counter',
    name: 'holes_total',
    help: 'Times that a client was told of missing events (stream-reset), by why.',
    label: 'reason',
    read: ({ stats }) => ({ ...HOLES, ...stats.holes }),
  },
  {
    type: 'gauge',
    name: 'runs',
    help: 'Shared runs whose source is run here (holder), or whose events are only shown here (watcher).',
    label: 'role',
    read: ({ stats: { runs } }) => {
      const held = runs.filter(({ holder }) => holder).length
      return { holder: held, watcher: runs.length - held }
    },
  },
  {
    type: 'gauge',
    name: 'run_viewers',
    help: 'Streams of this process that watch a shared run.',
    read: ({ stats }) => stats.runs.reduce((sum, { viewers }) => sum + viewers, 0),
  },
  {
    type: 'gauge',
    name: 'plugin_up',
    help: '1 if what carries the channels (Redis, say) takes events (publishing) and delivers them (receiving), else 0.',
    label: 'direction',
    aggregator: 'min',
    read: ({ health }) => ({ publishing: Number(health.publishing), receiving: Number(health.receiving) }),
  },
  {
    type: 'counter',
    name: 'failures_total',
    help: 'Failures that the error event of the app was told.',
    read: ({ stats }) => stats.failures,
  },
  {
    type: 'counter',
    name: 'messages_rejected_total',
    help: 'Messages of others that were left out because they are no events.',
    read: ({ stats }) => stats.rejected,
  },
]
