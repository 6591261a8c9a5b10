// Not the globals: a test that fakes the clock must not stop the time limits.
import { clearTimeout, setTimeout } from 'node:timers'

/** What an attempt answers as long as there is nothing to find. */
export const waiting = Symbol('waiting')

/** What `until` resolves to once the time is over. */
export const late = Symbol('late')

/** Those who wait for something to change, looked after in the order they came. */
export class Waiters {
  readonly #checks = new Set<() => void>()

  /** Lets everybody who waits look again. */
  changed(): void {
    for (const check of this.#checks) check()
  }

  /**
   * Calls `attempt` now and at each change until it finds something. Time over is an answer and no error: an error made
   * by the awaiting function has the caller's line in its stack, one made in a timer has not.
   */
  until<Found>(attempt: () => Found | typeof waiting, limit: number): Promise<Found | typeof late> {
    return new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        clearTimeout(timer)
        this.#checks.delete(check)
        answer()
      }
      const check = () => {
        try {
          const found = attempt()
          if (found !== waiting) settle(() => resolve(found))
        } catch (error) {
          settle(() => reject(error))
        }
      }
      const timer = setTimeout(() => settle(() => resolve(late)), limit)
      this.#checks.add(check)
      check()
    })
  }
}
