/** One value that a scrape tells. */
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** One metric that a scrape tells. */
export interface Metric {
  type: string
  help: string
  samples: Sample[]
}

const NAME = '[a-zA-Z_][a-zA-Z0-9_]*'
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`)
const LABEL = new RegExp(`(${NAME})="((?:[^"\\\\\\n]|\\\\[\\\\n"])*)"(?:,(?=.)|$)`, 'y')
// Prometheus reads it as Go does, to which case does not matter in NaN.
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]?Inf|NaN)$/i

/** Reads the text format 0.0.4 of Prometheus as strictly as it is specified, and throws for what does not keep to it. */
export function readExposition(text: string): Map<string, Metric> {
  if (!text.endsWith('\n')) throw new Error('The last line has no end')
  const metrics = new Map<string, Metric>()
  let current = ''
  for (const line of text.split('\n').filter(line => line !== '')) {
    const [, kind, name = '', rest = ''] = COMMENT.exec(line) ?? []
    if (kind === 'HELP') {
      if (metrics.has(name)) throw new Error(`${name} comes twice`)
      metrics.set(name, { type: '', help: rest, samples: [] })
      current = name
    } else if (kind === 'TYPE') {
      if (name !== current) throw new Error(`The type of ${name} is among another metric`)
      metricOf(metrics, name).type = rest
    } else {
      const sample = sampleOf(line)
      const metric = metricOf(metrics, current)
      if (!namesOf(current, metric.type).includes(sample.name)) throw new Error(`${line} is not of ${current}`)
      metric.samples.push(sample)
    }
  }
  for (const [name, metric] of metrics) check(name, metric)
  return metrics
}

/** The value of a metric with exactly these labels. */
export function valueIn(metrics: Map<string, Metric>, name: string, labels: Record<string, string> = {}): number {
  const found = [...metrics.values()].flatMap(({ samples }) => samples.filter(sample => sample.name === name))
  const sample = found.find(({ labels: own }) => key(own) === key(labels))
  if (!sample) throw new Error(`There is no ${name} ${key(labels)} in ${found.map(({ labels: own }) => key(own))}`)
  return sample.value
}

const key = (labels: Record<string, string>) => JSON.stringify(Object.entries(labels).sort())

const namesOf = (name: string, type: string) =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]

function metricOf(metrics: Map<string, Metric>, name: string): Metric {
  const metric = metrics.get(name)
  if (!metric) throw new Error(`Nothing was said of '${name}' before`)
  return metric
}

function sampleOf(line: string): Sample {
  const [, name, inner = '', value = ''] = SAMPLE.exec(line) ?? []
  if (name === undefined || !NUMBER.test(value)) throw new Error(`${line} is no sample`)
  return { name, labels: labelsOf(inner), value: value.endsWith('Inf') ? Number(`${value}inity`) : Number(value) }
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? []
    if (name === '' || name in labels) throw new Error(`${text} are no labels`)
    labels[name] = value.replace(/\\(.)/g, (_, sign) => (sign === 'n' ? '\n' : sign))
  }
  return labels
}

function check(name: string, { type, samples }: Metric): void {
  if (!['counter', 'gauge', 'histogram', 'summary'].includes(type)) throw new Error(`${name} is of type '${type}'`)
  const keys = samples.map(sample => sample.name + key(sample.labels))
  if (new Set(keys).size < keys.length) throw new Error(`${name} tells a value twice`)
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`)
  if (type === 'histogram') checkBuckets(name, samples)
}

function checkBuckets(name: string, samples: Sample[]): void {
  for (const { labels, value } of samples.filter(sample => sample.name === `${name}_count`)) {
    const isMine = ({ labels: { le, ...rest } }: Sample) => le !== undefined && key(rest) === key(labels)
    const buckets = samples.filter(isMine)
    const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)))
    const counts = buckets.map(bucket => bucket.value)
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== value) throw new Error(`${name} has no +Inf`)
    if (!isRising(bounds) || !isRising(counts)) throw new Error(`The buckets of ${name} do not add up`)
  }
}

const isRising = (values: number[]) => values.every((value, n) => n === 0 || value >= (values[n - 1] as number))
