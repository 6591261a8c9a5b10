const SATURATED = { mode: 'window', window: 16, batch: 1, ms: 1_500 }
const WARM = { ...SATURATED, ms: 500 }
const LAZY = 0.2

// A source address has some 28,000 ports.
const sourcesFor = count => (count > 5_000 ? 4 : 1)

const published = (open, publish) => ({
  kind: 'publish',
  open: { lazy: LAZY, sources: sourcesFor(open.count), ...open },
  warm: { ...publish, ms: publish.mode === 'rate' ? 1_000 : WARM.ms },
  publish,
})

/** Long enough for the longest history that is measured. */
const LONG = { maxLog: 16_777_216, history: { count: 20_000, size: 16_777_216 } }

/** What is varied, over which `points`; what one of them measures; and the figures that tell. */
export const SERIES = {
  clients: {
    title: 'Clients of one channel, as fast as they take it',
    plot: 'Clients of one channel',
    x: 'clients',
    points: [100, 300, 1_000, 3_000, 10_000],
    workload: count => published({ count }, SATURATED),
    figures: [
      { field: 'cpu', unit: 'µs of CPU a delivery' },
      { field: 'p50', unit: 'ms to the last client, median', scale: 1e-3 },
    ],
  },
  channels: {
    title: 'Channels of one client each, 2,000 messages a second in all',
    plot: 'Channels, 2,000 messages/s in all',
    x: 'channels',
    points: [1, 10, 100, 1_000, 10_000],
    workload: channels =>
      published({ count: channels, channels, lazy: 0 }, { mode: 'rate', hz: 2_000, channels, ms: 3_000 }),
    figures: [
      { field: 'cpu', unit: 'µs of CPU a message' },
      { field: 'p50', unit: 'ms, median', scale: 1e-3 },
    ],
  },
  many: {
    title: 'Channels of 10 clients each, 1 message a second on each',
    plot: 'Channels × 10 clients × 1 message/s',
    x: 'channels',
    points: [19, 190, 1_900],
    workload: channels =>
      published({ count: channels * 10, channels, lazy: 0 }, { mode: 'rate', hz: channels, channels, ms: 5_000 }),
    figures: [
      { field: 'cpu', unit: 'µs of CPU a delivery' },
      { field: 'busy', unit: '% of a core', scale: 100 },
      { field: 'p99', unit: 'ms, 99 %', scale: 1e-3 },
    ],
  },
  single: {
    title: 'Channels of one client each, 1 message a second on each',
    plot: 'Channels × 1 client × 1 message/s',
    x: 'channels',
    points: [100, 1_000, 10_000],
    workload: channels =>
      published({ count: channels, channels, lazy: 0 }, { mode: 'rate', hz: channels, channels, ms: 5_000 }),
    figures: [
      { field: 'cpu', unit: 'µs of CPU a delivery' },
      { field: 'busy', unit: '% of a core', scale: 100 },
      { field: 'p99', unit: 'ms, 99 %', scale: 1e-3 },
    ],
  },
  size: {
    title: 'Size of messages to 100 clients, as fast as they take it',
    plot: 'Size of messages to 100 clients',
    x: 'bytes',
    points: [100, 1_024, 4_096, 16_384, 65_536],
    workload: size => published({ count: 100 }, { ...SATURATED, size }),
    figures: [
      { field: 'cpu', unit: 'µs of CPU a delivery' },
      { field: 'rate', unit: 'thousand deliveries a second', scale: 1e-3 },
    ],
  },
  history: {
    title: 'Coming back 10 events late to a log of so many',
    plot: 'Joining a log, 10 events late',
    x: 'events in the log',
    points: [100, 1_000, 10_000],
    env: { BENCH_LIMITS: JSON.stringify(LONG) },
    workload: count => ({
      kind: 'joins',
      open: { count: 64, churn: 10, sources: 16 },
      fill: { count, size: 200 },
      warm: 1_000,
      ms: 2_500,
    }),
    figures: [{ field: 'cpu', unit: 'µs of CPU a visit' }],
  },
}
