import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Message } from '../event.js'
import type { Plugin, Relay } from '../plugin.js'
import { Inbox } from './contract-inbox.js'

/** What carries channels, with a history or without. */
export type Carrier = Plugin | Relay

/** Makes a plugin for one case of the contract. */
export type Create<P extends Carrier> = (options?: { history?: { count: number } }) => P | Promise<P>

/** What its `publish` resolves to. */
type Published<P extends Carrier> = Awaited<ReturnType<P['publish']>>

/** Cases of the contract by name: for all that carries channels, or only for plugins that keep a history. */
export type Cases<P extends Carrier = Carrier> = Readonly<Record<string, (stage: Stage<P>) => Promise<void>>>

export interface StageSettings<P extends Carrier> {
  readonly create: Create<P>
  readonly history: boolean
  readonly shared: boolean
  readonly timeout: number
  readonly interrupt: () => Promise<void>
}

/** What one case of the contract works with. The plugins that it makes are closed when it is over. */
export class Stage<P extends Carrier = Carrier> {
  /** A channel that no other case uses. */
  readonly channel = `contract-${randomBytes(8).toString('hex')}`
  readonly #settings: StageSettings<P>
  readonly #plugins: P[] = []

  constructor(settings: StageSettings<P>) {
    this.#settings = settings
  }

  async plugin(count?: number): Promise<P> {
    const { create, history } = this.#settings
    const plugin = await (count === undefined ? create() : create({ history: { count } }))
    this.#plugins.push(plugin)
    if (history && !plugin.read) assert.fail('the plugin has no read: a relay is proved with `history: false`')
    if (!history && plugin.read) assert.fail('the plugin has read: `history: false` is for relays, which have none')
    return plugin
  }

  /** A plugin that carries the same channels as another, if there can be two; else that one. */
  async peer(plugin: P): Promise<P> {
    return this.#settings.shared ? await this.plugin() : plugin
  }

  /** Two plugins that carry the same channels, if there can be two; else one, twice. */
  async pair(): Promise<[P, P]> {
    const plugin = await this.plugin()
    return [plugin, await this.peer(plugin)]
  }

  /** `react` is called inside deliver. */
  async subscribe(plugin: P, channel: string = this.channel, react?: (message: Message) => void): Promise<Inbox> {
    const inbox = new Inbox(this.#settings.timeout, react)
    inbox.leave = await inbox.enter(plugin, channel)
    return inbox
  }

  /** Publishes one message after another; resolves to what `publish` does. */
  async publish(plugin: P, messages: Iterable<string | Message>, channel = this.channel): Promise<Published<P>[]> {
    const answers: Published<P>[] = []
    for (const message of messages) {
      const answer = await plugin.publish(channel, typeof message === 'string' ? { data: message } : message)
      answers.push(answer as Published<P>)
    }
    return answers
  }

  /** Breaks the connections of all plugins that were made so far. */
  async interrupt(): Promise<void> {
    await this.#settings.interrupt()
  }

  /** Lets come what must not come. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await setImmediate()
  }

  /** Calls `attempt` every turn of the event loop until it answers true; answers false if it does not in time. */
  async reaches(attempt: () => boolean): Promise<boolean> {
    const end = performance.now() + this.#settings.timeout
    while (!attempt()) {
      if (performance.now() > end) return false
      await setImmediate()
    }
    return true
  }

  /** Calls `attempt` every few milliseconds until it does not reject any more; rejects as it does if that is not in time. */
  async retry<Answer>(attempt: () => Promise<Answer>, isWorthIt: (error: unknown) => boolean): Promise<Answer> {
    const end = performance.now() + this.#settings.timeout
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (performance.now() > end || !isWorthIt(error)) throw error
      }
      await setTimeout(2)
    }
  }

  // Whether closing works, and works twice, is for cases of their own to tell.
  async clear(): Promise<void> {
    await Promise.allSettled(this.#plugins.map(plugin => plugin.close()))
  }
}
