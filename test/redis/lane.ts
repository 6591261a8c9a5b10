/** One direction of a connection: what is to be done there, in order, sooner or later. */
export class Lane {
  readonly #queue: { due: number; act: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  #stalled = false

  /** Does `act` after all that was added before, and no sooner than `delay` (ms) from now. */
  add(act: () => void, delay: number): void {
    this.#queue.push({ due: performance.now() + delay, act })
    this.#run()
  }

  /** Holds everything back from now on, or does all that was held back. */
  stall(on: boolean): void {
    this.#stalled = on
    this.#run()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #run(): void {
    clearTimeout(this.#timer)
    while (!this.#stalled && this.#queue[0] !== undefined) {
      const wait = this.#queue[0].due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#run(), wait)
        return
      }
      this.#queue.shift()?.act()
    }
  }
}
