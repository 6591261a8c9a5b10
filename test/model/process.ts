import { Channel, type ChannelSettings } from '../../src/channel.js'
import type { Cursor, Follower } from '../../src/cursor.js'
import type { Plugin } from '../../src/plugin.js'
import type { Position } from '../../src/position.js'
import { type Network, Refused } from './network.js'

/** A process that serves the channel: it makes one anew when it has followers again, as `PubSub` does. */
export class Process {
  readonly #plugin: Plugin
  readonly #network: Network
  readonly #settings: ChannelSettings
  readonly #broken: (what: string) => void
  #channel: Channel | undefined

  constructor(network: Network, settings: ChannelSettings, broken: (what: string) => void) {
    this.#network = network
    this.#plugin = network.plugin()
    this.#settings = settings
    this.#broken = broken
  }

  follow(follower: Follower, after: Position | undefined): Cursor {
    this.#channel ??= this.#create()
    return this.#channel.follow(follower, after)
  }

  /** Sweeps to the end: how much a sweep does in one turn depends on the clock, and a seed must repeat. */
  sweep(): void {
    this.#channel?.advance(Number.POSITIVE_INFINITY)
  }

  /** Whether it subscribes once while it has followers, and not at all when it has none. */
  isSubscribedRightly(): boolean {
    const wires = this.#network.wires.filter(({ owner }) => owner === this.#plugin)
    return wires.length === (this.#channel ? 1 : 0)
  }

  #create(): Channel {
    const channel: Channel = new Channel('news', this.#plugin, this.#settings, {
      emptied: () => {
        if (this.#channel === channel) this.#channel = undefined
      },
      failed: error => {
        if (!(error instanceof Refused)) this.#broken(`A channel failed: ${String(error)}`)
      },
      fannedOut: () => {},
    })
    return channel
  }
}
