import { EventEmitter, once } from 'node:events'
import type { Stats } from '../stats.js'
import { type Reading, type Sample, Sampler } from './sampler.js'

/** Milliseconds from one sample to the next, and for which they are kept; after the last page was closed too. */
const INTERVAL = 1_000
const KEPT = 300_000

/**
 * Reads the figures once a second, and keeps those of the last five minutes: from when a page is first opened until five minutes after
 * the last was closed. Who opens none pays nothing.
 */
export class Recorder {
  readonly #read: () => Stats
  readonly #ticks = new EventEmitter().setMaxListeners(0)
  #samples: Sample[] = []
  #latest: Reading | undefined
  #sampler: Sampler | undefined
  #timer: NodeJS.Timeout | undefined
  #viewers = 0
  #leftAt = 0

  constructor(read: () => Stats) {
    this.#read = read
  }

  /** Oldest first. */
  get history(): readonly Sample[] {
    return this.#samples
  }

  /** The newest reading. To be asked between `enter` and `leave`. */
  get latest(): Reading {
    return this.#latest as Reading
  }

  enter(): void {
    this.#viewers += 1
    if (this.#sampler) return
    this.#sampler = new Sampler(this.#read)
    this.#timer = setInterval(() => this.#tick(), INTERVAL).unref()
    this.#tick()
  }

  leave(): void {
    this.#viewers -= 1
    this.#leftAt = Date.now()
  }

  /** Resolves with the next sample. */
  async next(signal: AbortSignal): Promise<void> {
    await once(this.#ticks, 'tick', { signal })
  }

  close(): void {
    clearInterval(this.#timer)
    this.#sampler?.close()
    this.#sampler = undefined
    this.#samples = []
  }

  #tick(): void {
    const reading = (this.#sampler as Sampler).read()
    const { at } = reading.sample
    this.#latest = reading
    this.#samples = [...this.#samples, reading.sample].filter(sample => sample.at > at - KEPT)
    this.#ticks.emit('tick')
    if (this.#viewers === 0 && at - this.#leftAt > KEPT) this.close()
  }
}
