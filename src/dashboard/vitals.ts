import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import process from 'node:process'

/** How the process did since it was last asked. */
export interface Vitals {
  /** The longest that the event loop was held up, in milliseconds. */
  readonly delay: number
  /** Share of one core: 1 is a whole one. */
  readonly cpu: number
  /** Bytes of memory in all. */
  readonly rss: number
  /** Bytes of JavaScript's heap that are used. */
  readonly heap: number
}

/** Milliseconds from one look at the event loop to the next. */
const RESOLUTION = 10

/** Reads the process' own figures. */
export class VitalSigns {
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  #cpu = process.cpuUsage()
  #at = performance.now()

  constructor() {
    this.#loop.enable()
  }

  read(): Vitals {
    const { rss, heapUsed } = process.memoryUsage()
    return { delay: this.#delay(), cpu: this.#share(), rss, heap: heapUsed }
  }

  close(): void {
    this.#loop.disable()
  }

  // It is measured from one timer to the next, so that the time between them is in it.
  #delay(): number {
    const longest = this.#loop.count === 0 ? 0 : this.#loop.max / 1e6 - RESOLUTION
    this.#loop.reset()
    return Math.round(Math.max(0, longest) * 10) / 10
  }

  #share(): number {
    const now = performance.now()
    const { user, system } = process.cpuUsage(this.#cpu)
    const share = (user + system) / 1_000 / (now - this.#at)
    this.#cpu = process.cpuUsage()
    this.#at = now
    return Math.round(share * 1_000) / 1_000
  }
}
