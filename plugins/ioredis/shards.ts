import type { Cluster } from 'ioredis'
import type { SseError } from '../../src/errors.js'
import { unreachable } from './failure.js'
import type { Link } from './link.js'
import { addressOf, ownerOf } from './owner.js'
import type { Listener, Receiver } from './receiver.js'
import type { Subscriptions } from './subscriptions.js'

/** Milliseconds between two looks at who has which slot, while something is wrong. */
const LOOK = 500

interface Placed {
  node: string
  readonly listeners: Set<Listener>
}

/** The channels of a cluster, each received from the node that has its slot: one connection a node. */
export class Shards implements Receiver {
  readonly #link: Link<Cluster>
  readonly #connect: (node: string) => Subscriptions
  readonly #nodes = new Map<string, Subscriptions>()
  readonly #placed = new Map<string, Placed>()
  readonly #timeout: number
  #closed = false
  #lookTimer: NodeJS.Timeout | undefined

  constructor(link: Link<Cluster>, timeout: number, connect: (node: string, moved: () => void) => Subscriptions) {
    this.#link = link
    this.#timeout = timeout
    this.#connect = node => connect(node, () => this.#lookSoon())
    link.client.on('refresh', this.#place)
  }

  get failure(): SseError | undefined {
    return this.#link.failure ?? [...this.#nodes.values()].map(({ failure }) => failure).find(failure => failure)
  }

  get told(): readonly (string | undefined)[] {
    return [...this.#nodes.values()].flatMap(({ told }) => told)
  }

  open(): void {
    this.#link.open()
  }

  ready(): Promise<void> {
    return this.#link.ready(this.#timeout)
  }

  async add(channel: string, listener: Listener): Promise<void> {
    await this.#link.up(this.#timeout)
    const placed = this.#placed.get(channel) ?? { node: this.#ownerOf(channel), listeners: new Set() }
    this.#placed.set(channel, placed)
    placed.listeners.add(listener)
    try {
      await this.#on(placed.node).add(channel, listener)
    } catch (error) {
      this.remove(channel, listener)
      throw error
    }
  }

  remove(channel: string, listener: Listener): void {
    const placed = this.#placed.get(channel)
    if (!placed?.listeners.delete(listener)) return
    if (placed.listeners.size === 0) this.#placed.delete(channel)
    this.#leave(placed.node, channel, listener)
  }

  renew(channel: string): void {
    const placed = this.#placed.get(channel)
    if (placed) this.#nodes.get(placed.node)?.renew()
    this.#lookSoon()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#lookTimer)
    this.#link.client.off('refresh', this.#place)
    for (const subscriptions of this.#nodes.values()) subscriptions.close()
    this.#nodes.clear()
    this.#placed.clear()
  }

  #ownerOf(channel: string): string {
    const owner = ownerOf(channel, this.#link.client)
    if (owner !== undefined) return owner
    this.#lookSoon()
    throw unreachable(`no node of the cluster has the slot of ${channel}`)
  }

  #on(node: string): Subscriptions {
    const known = this.#nodes.get(node) ?? this.#connect(node)
    this.#nodes.set(node, known)
    return known
  }

  #leave(node: string, channel: string, listener: Listener): void {
    const subscriptions = this.#nodes.get(node)
    subscriptions?.remove(channel, listener)
    if (subscriptions?.size !== 0) return
    // A node that has left the cluster takes no connection of ours along, but one that is only idle keeps it.
    if (this.#link.client.nodes('master').some(one => addressOf(one) === node)) return
    this.#nodes.delete(node)
    subscriptions.close()
  }

  #lookSoon(): void {
    if (!this.#closed) this.#lookTimer ??= setTimeout(() => this.#look(), LOOK).unref()
  }

  #look(): void {
    this.#lookTimer = undefined
    this.#link.client.refreshSlotsCache(() => {
      if ([...this.#nodes.values()].some(({ failure }) => failure)) this.#lookSoon()
    })
  }

  // Who has a slot may have changed: each channel goes on at its new owner, and is given up at the old one once it does.
  readonly #place = () => {
    for (const [channel, placed] of this.#placed) {
      const owner = ownerOf(channel, this.#link.client)
      if (owner === undefined || owner === placed.node) continue
      const from = placed.node
      placed.node = owner
      for (const listener of placed.listeners) void this.#move(channel, listener, from, owner)
    }
  }

  async #move(channel: string, listener: Listener, from: string, to: string): Promise<void> {
    try {
      await this.#on(to).add(channel, listener)
    } catch {
      // The connection to the new owner tells why. It is placed there again with the next look.
      const placed = this.#placed.get(channel)
      if (placed?.node === to) placed.node = from
      this.#lookSoon()
      return
    }
    this.#leave(from, channel, listener)
    if (this.#placed.get(channel)?.listeners.has(listener)) listener.lost()
    else this.#leave(to, channel, listener)
  }
}
