import type { Stats } from '../stats.js'
import { VitalSigns, type Vitals } from './vitals.js'

/** What was read at a time. Rates are a second since the reading before; where there was none they are not known. */
export interface Sample extends Partial<Record<Counted, number>>, Partial<Vitals> {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly connections: number
}

export interface Reading {
  readonly totals: Stats
  readonly sample: Sample
}

const COUNTED = ['accepted', 'published', 'events', 'bytes'] as const

type Counted = (typeof COUNTED)[number]

/** Reads figures again and again. */
export class Sampler {
  readonly #read: () => Stats
  readonly #vitals = new VitalSigns()
  #last: Reading | undefined

  constructor(read: () => Stats) {
    this.#read = read
  }

  read(): Reading {
    const at = Date.now()
    const totals = this.#read()
    const sample = { at, connections: totals.connections, ...this.#since(at, totals) }
    this.#last = { totals, sample }
    return this.#last
  }

  close(): void {
    this.#vitals.close()
  }

  #since(at: number, totals: Stats): Partial<Sample> {
    const vitals = this.#vitals.read()
    if (!this.#last) return { rss: vitals.rss, heap: vitals.heap } // the others are of how long?
    const seconds = Math.max(1, at - this.#last.sample.at) / 1_000 // a clock may be set back
    const rates: Partial<Record<Counted, number>> = {}
    for (const name of COUNTED) rates[name] = rateOf(totals[name] - this.#last.totals[name], seconds)
    return { ...rates, ...vitals }
  }
}

const rateOf = (more: number, seconds: number) => Math.round((Math.max(0, more) / seconds) * 10) / 10
