/** How many keys are known before those are looked for that can be forgotten. */
const MANY = 1_024

/**
 * Lets so many a second pass for each key; who was silent may do as many at once. It keeps one number for each key of late, and
 * forgets them when as many more have come.
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export class Rate {
  readonly #step: number
  readonly #burst: number
  /** When a key will have been silent for long enough. */
  readonly #due = new Map<string, number>()
  #purgeAt = MANY

  constructor(perSecond: number) {
    this.#step = 1_000 / perSecond
    this.#burst = Math.max(1_000, this.#step)
  }

  /** Takes one; else answers the milliseconds until there is one to be taken. */
  take(key: string): number {
    const now = performance.now()
    const due = Math.max(this.#due.get(key) ?? now, now) + this.#step
    const wait = due - now - this.#burst
    if (wait > 1e-6) return wait
    this.#due.set(key, due)
    if (this.#due.size >= this.#purgeAt) this.#purge(now)
    return 0
  }

  #purge(now: number): void {
    for (const [key, due] of this.#due) if (due <= now) this.#due.delete(key)
    this.#purgeAt = Math.max(MANY, this.#due.size * 2)
  }
}
