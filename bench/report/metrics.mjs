/**
 * What counts in each workload: a field of the rows, in a unit. `more`: more of it is better. Where a run was not over within its
 * limit, `limit` is what it took at least. What is below `least` is as good as nothing, and is not compared.
 */
export const METRICS = [
  { workload: 'W1-1k-b1', field: 'cpu', unit: 'µs of CPU a delivery', plot: '1 message a turn to 1,000' },
  { workload: 'W1-1k-b10', field: 'cpu', unit: 'µs of CPU a delivery', plot: '10 messages a turn to 1,000' },
  {
    workload: 'W2-1k-10hz',
    field: 'p50',
    unit: 'ms to the last client, median',
    scale: 1e-3,
    plot: '10 a second to 1,000',
  },
  { workload: 'W2-1k-100hz', field: 'p50', unit: 'ms to the last client, median', scale: 1e-3 },
  { workload: 'W2-1k-100hz', field: 'cpu', unit: 'µs of CPU a delivery' },
  { workload: 'W3-gen', field: 'cpu', unit: 'µs of CPU an event', plot: '100 generators of 5,000 events' },
  { workload: 'W4-idle10k', field: 'perConnection', unit: 'KB a client', scale: 1e-3, plot: '10,000 idle clients' },
  { workload: 'W4-idle10k', field: 'busy', unit: '% of a core', scale: 100, least: 0.1 },
  { workload: 'W5-churn', field: 'cpu', unit: 'µs of CPU a visit', plot: 'Connect, one event, leave' },
  {
    workload: 'W6-burst',
    field: 'seconds',
    unit: 's until all have all',
    limit: 20,
    plot: '1,000 messages at once to 1,000',
  },
  { workload: 'W7-slow', field: 'grown', unit: 'MB grown', scale: 1e-6, plot: '32 MB past a client that stalls' },
  {
    workload: 'W8-1k-2000hz',
    field: 'rate',
    unit: 'thousand deliveries a second',
    scale: 1e-3,
    more: true,
    plot: '2,000 a second to 1,000',
  },
  { workload: 'W8-1k-2000hz', field: 'p99', unit: 'ms to the last client, 99 %', scale: 1e-3 },
  { workload: 'W8-1k-2000hz', field: 'peak', unit: 'MB at its peak', scale: 1e-6 },
]

/** The middle of some numbers; undefined of none. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 0 && half > 0 ? (sorted[half - 1] + sorted[half]) / 2 : sorted[half]
}

/** A metric of one server over all rounds: `{ median, least, most, over }`, or undefined where it was not measured. */
export function statOf({ workload, field, scale = 1, limit }, server, rows) {
  const runs = rows.filter(row => row.workload === workload && row.server === server)
  const values = runs.filter(row => row[field] !== undefined && row[field] !== null).map(row => row[field] * scale)
  if (values.length > 0) return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
  return runs.length > 0 && limit !== undefined ? { median: limit, least: limit, most: limit, over: true } : undefined
}

/** How many times better one value is than another. */
export function timesBetter(metric, value, base) {
  if (!value || !base || value.over || value.median < (metric.least ?? 0)) return undefined
  return metric.more ? value.median / base.median : base.median / value.median
}

/** A number with as many digits as it is worth. */
export function round(number) {
  const size = Math.abs(number)
  const digits = size < 1 ? 2 : size < 10 ? 2 : size < 100 ? 1 : 0
  return Number(number.toFixed(digits)).toLocaleString('en')
}

/** The servers that rows tell of, in the order that they are measured in. */
export const serversOf = rows => [...new Set(rows.toSorted((a, b) => a.round - b.round).map(row => row.server))]
