import assert from 'node:assert/strict'
import type { Entry, Unsubscribe } from '../plugin.js'
import type { Position } from '../position.js'
import { late, Waiters, waiting } from './waiters.js'

/** A subscriber that keeps what it gets. */
export class Inbox {
  readonly entries: Entry[] = []
  /** Unsubscribes. */
  leave: Unsubscribe = () => {}
  readonly #timeout: number
  readonly #waiters = new Waiters()

  constructor(timeout: number) {
    this.#timeout = timeout
  }

  readonly deliver = (entry: Entry): void => {
    this.entries.push(entry)
    this.#waiters.changed()
  }

  get data(): string[] {
    return this.entries.map(({ message }) => message.data)
  }

  get positions(): Position[] {
    return this.entries.map(({ position }) => position)
  }

  /** Waits for an event by its data. */
  async until(data: string): Promise<void> {
    const found = await this.#waiters.until(() => this.data.includes(data) || waiting, this.#timeout)
    if (found !== late) return
    const missing = `${JSON.stringify(data)} was not delivered within ${this.#timeout} ms`
    assert.fail(`${missing}; what was: ${JSON.stringify(this.data).slice(0, 500)}`)
  }
}
