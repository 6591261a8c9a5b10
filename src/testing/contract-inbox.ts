import assert from 'node:assert/strict'
import type { Message } from '../event.js'
import type { Entry, Plugin, Relay, Unsubscribe } from '../plugin.js'
import type { Position } from '../position.js'
import { late, Waiters, waiting } from './waiters.js'

/** A subscriber that keeps what it gets, of a plugin or of a relay. */
export class Inbox {
  readonly messages: Message[] = []
  /** Where the messages are in the channel; empty over a relay. */
  readonly positions: Position[] = []
  /** Unsubscribes. */
  leave: Unsubscribe = () => {}
  #losses = 0
  readonly #timeout: number
  readonly #react: (message: Message) => void
  readonly #waiters = new Waiters()

  /** `react` is called for each message, inside deliver. */
  constructor(timeout: number, react: (message: Message) => void = () => {}) {
    this.#timeout = timeout
    this.#react = react
  }

  /** Subscribes; a second time with the same function. */
  enter(plugin: Plugin | Relay, channel: string): Promise<Unsubscribe> {
    return plugin.read
      ? plugin.subscribe(channel, this.#deliverEntry, this.#lost)
      : plugin.subscribe(channel, this.#deliver, this.#lost)
  }

  get data(): string[] {
    return this.messages.map(({ data }) => data)
  }

  /** Waits for an event by its data. */
  async until(data: string): Promise<void> {
    const found = await this.#waiters.until(() => this.data.includes(data) || waiting, this.#timeout)
    if (found !== late) return
    const missing = `${JSON.stringify(data)} was not delivered within ${this.#timeout} ms`
    assert.fail(`${missing}; what was: ${JSON.stringify(this.data).slice(0, 500)}`)
  }

  /** Waits until it is told that something may have been lost. */
  async untilLost(): Promise<void> {
    const found = await this.#waiters.until(() => this.#losses > 0 || waiting, this.#timeout)
    if (found === late) assert.fail(`lost was not called within ${this.#timeout} ms`)
  }

  readonly #deliver = (message: Message): void => {
    this.messages.push(message)
    this.#react(message)
    this.#waiters.changed()
  }

  readonly #deliverEntry = ({ position, message }: Entry): void => {
    this.positions.push(position)
    this.#deliver(message)
  }

  readonly #lost = (): void => {
    this.#losses += 1
    this.#waiters.changed()
  }
}
