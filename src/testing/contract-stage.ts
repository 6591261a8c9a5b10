import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Message } from '../event.js'
import type { Plugin } from '../plugin.js'
import type { Position } from '../position.js'
import { Inbox } from './contract-inbox.js'

/** Makes a plugin for one case of the contract. */
export type Create = (options?: { history?: { count: number } }) => Plugin | Promise<Plugin>

/** Cases of the contract by name. */
export type Cases = Readonly<Record<string, (stage: Stage) => Promise<void>>>

/** What one case of the contract works with. The plugins that it makes are closed when it is over. */
export class Stage {
  /** A channel that no other case uses. */
  readonly channel = `contract-${randomBytes(8).toString('hex')}`
  readonly #create: Create
  readonly #shared: boolean
  readonly #timeout: number
  readonly #plugins: Plugin[] = []

  constructor(create: Create, shared: boolean, timeout: number) {
    this.#create = create
    this.#shared = shared
    this.#timeout = timeout
  }

  async plugin(count?: number): Promise<Plugin> {
    const plugin = await (count === undefined ? this.#create() : this.#create({ history: { count } }))
    this.#plugins.push(plugin)
    return plugin
  }

  /** Two plugins that carry the same channels, if there can be two; else one, twice. */
  async pair(): Promise<[Plugin, Plugin]> {
    const plugin = await this.plugin()
    return [plugin, this.#shared ? await this.plugin() : plugin]
  }

  async subscribe(plugin: Plugin, channel: string = this.channel): Promise<Inbox> {
    const inbox = new Inbox(this.#timeout)
    inbox.leave = await plugin.subscribe(channel, inbox.deliver, () => {})
    return inbox
  }

  /** Publishes one message after another. */
  async publish(plugin: Plugin, messages: Iterable<string | Message>, channel = this.channel): Promise<Position[]> {
    const positions: Position[] = []
    for (const message of messages) {
      positions.push(await plugin.publish(channel, typeof message === 'string' ? { data: message } : message))
    }
    return positions
  }

  /** Lets come what must not come. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await setImmediate()
  }

  /** Calls `attempt` every turn of the event loop until it answers true; answers false if it does not in time. */
  async reaches(attempt: () => boolean): Promise<boolean> {
    const end = performance.now() + this.#timeout
    while (!attempt()) {
      if (performance.now() > end) return false
      await setImmediate()
    }
    return true
  }

  // Whether closing works, and works twice, is for cases of their own to tell.
  async clear(): Promise<void> {
    await Promise.allSettled(this.#plugins.map(plugin => plugin.close()))
  }
}
