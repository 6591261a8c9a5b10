/** The client waits so many ms after each turn of reading. */
const LAZY = 0.2

const WARM = { mode: 'window', window: 32, batch: 1, ms: 1_000 }
const WARM_RATE = { mode: 'rate', hz: 50, ms: 1_000 }

/**
 * What is measured. `kind`: how (see measure.mjs); `open`: the client's connections; `publish`: what the server publishes to them,
 * after `warm`. Events have 200 bytes of JSON where nothing else is said.
 */
export const WORKLOADS = {
  'W1-1k-b1': {
    title: 'as fast as 1,000 clients take it, 1 message a turn of the event loop',
    kind: 'publish',
    open: { count: 1_000, lazy: LAZY },
    warm: WARM,
    publish: { mode: 'window', window: 32, batch: 1, ms: 2_000 },
  },
  'W1-1k-b10': {
    title: 'as fast as 1,000 clients take it, 10 messages a turn',
    kind: 'publish',
    open: { count: 1_000, lazy: LAZY },
    warm: { ...WARM, window: 60, batch: 10 },
    publish: { mode: 'window', window: 60, batch: 10, ms: 2_000 },
  },
  'W2-1k-10hz': {
    title: '10 messages a second to 1,000 clients',
    kind: 'publish',
    open: { count: 1_000 },
    warm: WARM_RATE,
    publish: { mode: 'rate', hz: 10, ms: 4_000 },
  },
  'W2-1k-100hz': {
    title: '100 messages a second to 1,000 clients',
    kind: 'publish',
    open: { count: 1_000 },
    warm: WARM_RATE,
    publish: { mode: 'rate', hz: 100, ms: 3_000 },
  },
  'W3-gen': {
    title: '100 clients, each with a generator of 5,000 events of 100 bytes',
    kind: 'drain',
    open: { count: 100, path: '/gen?n=5000', lazy: LAZY },
  },
  'W4-idle10k': {
    title: '10,000 clients and nothing to say',
    kind: 'idle',
    open: { count: 10_000, sources: 4 },
    ms: 30_000,
  },
  'W5-churn': {
    title: 'connect, get one event, leave; 64 at once',
    kind: 'churn',
    open: { count: 64, path: '/hello', churn: 1, sources: 200 },
    warm: 1_000,
    ms: 2_500,
  },
  'W6-burst': {
    title: '1,000 messages in one turn to 1,000 clients',
    kind: 'publish',
    open: { count: 1_000, lazy: LAZY },
    warm: WARM,
    publish: { mode: 'burst', count: 1_000 },
    limit: 20_000,
  },
  'W7-slow': {
    title: '32 MB in messages of 4 KB to 100 clients and one that does not read',
    kind: 'publish',
    open: { count: 100, stalled: 1, lazy: LAZY },
    warm: { mode: 'window', window: 64, batch: 1, ms: 500, size: 4_096 },
    publish: { mode: 'window', window: 64, batch: 1, count: 8_192, size: 4_096 },
  },
  'W8-1k-2000hz': {
    title: '2,000 messages a second to 1,000 clients, whether they are taken or not',
    kind: 'publish',
    open: { count: 1_000, lazy: LAZY },
    warm: WARM_RATE,
    publish: { mode: 'rate', hz: 2_000, ms: 2_000 },
  },
}

/** The same with few clients and little time: tells that all works, and nothing of how fast. */
export function short({ open, warm, publish, ms, ...workload }) {
  return {
    ...workload,
    settle: 10,
    open: { ...open, count: Math.min(open.count, 20), ...(open.path?.includes('n=') && { path: '/gen?n=200' }) },
    ...(warm && { warm: typeof warm === 'number' ? 50 : { ...warm, ms: 50 } }),
    ...(publish && {
      publish: {
        ...publish,
        ...(publish.ms && { ms: publish.mode === 'rate' ? 300 : 150 }),
        ...(publish.count && { count: 200 }),
      },
    }),
    ...(ms && { ms: 150 }),
  }
}
