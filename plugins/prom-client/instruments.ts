import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client'
import type { Reading, Scrape } from './readings.js'
import type { Timing } from './timings.js'

/** A registry of prom-client, in whichever format it answers. */
export type AnyRegistry = Registry | Registry<OpenMetricsContentType>

/** Labels of a router, and what was read of it. */
export type Scraped = readonly [labels: Readonly<Record<string, string>>, scrape: Scrape]

/** Where metrics go, and what they have in common. */
export interface Place {
  readonly registry: AnyRegistry
  readonly prefix: string
  /** Labels that each metric has. */
  readonly labelNames: readonly string[]
}

/** A counter or gauge that has its values from what is read when it is asked for. */
export function instrument(place: Place, reading: Reading, read: () => readonly Scraped[]): Counter | Gauge {
  const { label, aggregator } = reading
  const labelNames = [...place.labelNames, ...(label === undefined ? [] : [label])]
  const options = { ...common(place, reading), labelNames, ...(aggregator && { aggregator }) }
  const values = () => read().flatMap(scraped => valuesOf(reading, scraped))
  if (reading.type === 'gauge') {
    return new Gauge({
      ...options,
      collect() {
        this.reset()
        for (const [labels, value] of values()) this.set(labels, value)
      },
    })
  }
  return new Counter({
    ...options,
    collect() {
      this.reset() // a counter cannot be set: it counts anew to where it stands, and nobody sees it in between
      for (const [labels, value] of values()) this.inc(labels, value)
    },
  })
}

/** A histogram of seconds. */
export function histogram(place: Place, timing: Timing): Histogram {
  return new Histogram({ ...common(place, timing), labelNames: [...place.labelNames], buckets: [...timing.buckets] })
}

const common = ({ registry, prefix }: Place, { name, help }: { name: string; help: string }) => ({
  name: prefix + name,
  help,
  registers: [registry],
})

function valuesOf({ label, read }: Reading, [labels, scrape]: Scraped): [Record<string, string>, number][] {
  const value = read(scrape)
  if (typeof value === 'number') return [[labels, value]]
  return Object.entries(value).map(([kind, part]) => [{ ...labels, [label as string]: kind }, part])
}
