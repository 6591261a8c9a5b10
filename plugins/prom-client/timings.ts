import type { Activity } from '../../src/activity.js'

/** A histogram of seconds: what it is called after the prefix, and whose durations it takes. */
export interface Timing {
  readonly name: string
  readonly help: string
  /** Upper bounds, in seconds. */
  readonly buckets: readonly number[]
  /** Observes durations until what it returns is called. */
  listen(activity: Activity, observe: (seconds: number) => void): () => void
}

const HUNDRED_MICROSECONDS_TO_TEN_SECONDS = [
  ...[0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
]

const TENTH_TO_DAY = [0.1, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

export const TIMINGS: readonly Timing[] = [
  {
    name: 'connection_duration_seconds',
    help: 'How long streams were open that are over now.',
    buckets: TENTH_TO_DAY,
    listen: (activity, observe) =>
      activity.on('disconnect', ({ connection }) => observe(Math.max(0, Date.now() - connection.opened) / 1_000)),
  },
  {
    name: 'publish_duration_seconds',
    help: 'Time from the call of publish until the plugin had the event.',
    buckets: HUNDRED_MICROSECONDS_TO_TEN_SECONDS,
    listen: (activity, observe) => activity.on('publish', ({ duration }) => observe(duration / 1_000)),
  },
  {
    name: 'fanout_duration_seconds',
    help: 'Time from the first new event of a channel until each of its followers had its turn.',
    buckets: HUNDRED_MICROSECONDS_TO_TEN_SECONDS,
    listen: (activity, observe) => activity.on('fanout', ({ duration }) => observe(duration / 1_000)),
  },
]
