import type { Counter, Gauge, Histogram } from 'prom-client'
import type { SseRouter } from '../../src/router.js'
import { type AnyRegistry, histogram, instrument, type Scraped } from './instruments.js'
import { READINGS, scrape } from './readings.js'
import { TIMINGS, type Timing } from './timings.js'

/** Families by their metrics: one that was taken out of its registry is forgotten by that. */
const families = new WeakMap<object, Family>()

/**
 * The metrics of one prefix in one registry: made, or found.
 * @throws TypeError if something else has registered one of their names.
 */
export function familyOf(registry: AnyRegistry, prefix: string, isNamed: boolean): Family {
  const taken = [...READINGS, ...TIMINGS].find(({ name }) => registry.getSingleMetric(prefix + name))
  if (!taken) return new Family(registry, prefix, isNamed)
  const name = prefix + taken.name
  const family = families.get(registry.getSingleMetric(name) as object)
  if (family) return family
  throw new TypeError(`There is a metric ${name} in this registry already: pass another prefix, or another register`)
}

/** The metrics of one router, or of several that have names, in one registry. */
export class Family {
  readonly #registry: AnyRegistry
  readonly #isNamed: boolean
  readonly #timings: readonly (readonly [Timing, Histogram])[]
  readonly #metrics: ReadonlyMap<string, Counter | Gauge | Histogram>
  readonly #routers = new Map<SseRouter, string | undefined>()
  #scraped: readonly Scraped[] | undefined

  constructor(registry: AnyRegistry, prefix: string, isNamed: boolean) {
    this.#registry = registry
    this.#isNamed = isNamed
    const place = { registry, prefix, labelNames: isNamed ? ['router'] : [] }
    const read = () => this.#read()
    const readings = READINGS.map(reading => [prefix + reading.name, instrument(place, reading, read)] as const)
    this.#timings = TIMINGS.map(timing => [timing, histogram(place, timing)])
    const timings = this.#timings.map(([{ name }, metric]) => [prefix + name, metric] as const)
    this.#metrics = new Map<string, Counter | Gauge | Histogram>([...readings, ...timings])
    for (const metric of this.#metrics.values()) families.set(metric, this)
  }

  /**
   * Tells of one more router, until what it returns is called.
   * @throws TypeError if it could not be told from those that are there.
   */
  add(sse: SseRouter, name: string | undefined): () => void {
    this.#check(sse, name)
    this.#routers.set(sse, name)
    const labels = labelsOf(name)
    const stops = this.#timings.map(([{ listen }, metric]) => {
      metric.zero(labels)
      return listen(sse.activity, seconds => metric.observe(labels, seconds))
    })
    return () => {
      if (stops.length === 0) return
      for (const stop of stops.splice(0)) stop()
      this.#remove(sse, labels)
    }
  }

  #check(sse: SseRouter, name: string | undefined): void {
    if (this.#routers.has(sse)) throw new TypeError('The metrics of this router are in this registry already')
    if (this.#routers.size > 0 && !(this.#isNamed && name !== undefined)) {
      throw new TypeError(
        "There are metrics of another router in this registry: give each of them a name, such as router: 'chat', or a register or prefix of its own",
      )
    }
    if ([...this.#routers.values()].includes(name)) {
      throw new TypeError(`There are metrics of a router '${name}' in this registry: give this one another name`)
    }
  }

  #remove(sse: SseRouter, labels: Record<string, string>): void {
    this.#routers.delete(sse)
    for (const [, metric] of this.#timings) metric.remove(labels)
    if (this.#routers.size > 0) return
    for (const [name, metric] of this.#metrics) {
      if (this.#registry.getSingleMetric(name) === metric) this.#registry.removeSingleMetric(name)
    }
  }

  // prom-client collects all of a registry's metrics in one go: they are read once, and fit together.
  #read(): readonly Scraped[] {
    if (this.#scraped) return this.#scraped
    this.#scraped = [...this.#routers].map(([sse, name]) => [labelsOf(name), scrape(sse)])
    queueMicrotask(() => {
      this.#scraped = undefined
    })
    return this.#scraped
  }
}

const labelsOf = (name: string | undefined): Record<string, string> => (name === undefined ? {} : { router: name })
