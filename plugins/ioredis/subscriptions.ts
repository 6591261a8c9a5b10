import type { Redis } from 'ioredis'
import { SseError } from '../../src/errors.js'
import { type Deferred, deferred } from './deferred.js'
import { closed, unreachable, verdictOf } from './failure.js'
import { Limited } from './limited.js'
import type { Link } from './link.js'
import type { Listener, Receiver } from './receiver.js'

/** Milliseconds after which a subscription that was refused is asked for again. */
const RETRY = 1_000

/** Most channels that one command names. */
const BATCH = 500

export interface SubscriptionsSettings {
  /** Plain Pub/Sub, or sharded: bound to the node that has the channel's slot. */
  readonly kind: 'plain' | 'sharded'
  /** Milliseconds that an acknowledgement may take. */
  readonly timeout: number
  /** A subscription that has worked is refused now. */
  failed(error: SseError): void
  /** The node does not have some channel's slot any more. */
  moved?(): void
}

interface Subscription {
  readonly channel: string
  readonly listeners: Set<Listener>
  /** The listeners that know that they are subscribed: they are told when that was interrupted. */
  readonly settled: Set<Listener>
  readonly waiting: Limited
  acknowledged: Deferred
  isLive: boolean
  refused: SseError | undefined
}

/** The channels that are received over one connection. After an interruption they are all asked for again. */
export class Subscriptions implements Receiver {
  readonly link: Link<Redis>
  readonly #settings: SubscriptionsSettings
  readonly #all = new Map<string, Subscription>()
  #connection = 0
  #retryTimer: NodeJS.Timeout | undefined

  constructor(link: Link<Redis>, settings: SubscriptionsSettings) {
    this.link = link
    this.#settings = settings
    link.watch(
      () => this.#up(),
      () => this.#interrupted(),
    )
    link.client.on(settings.kind === 'plain' ? 'message' : 'smessage', this.#receive)
    link.client.on('moved', this.#moved)
  }

  get size(): number {
    return this.#all.size
  }

  get failure(): SseError | undefined {
    const interrupted = [...this.#all.values()].find(({ isLive, settled }) => !isLive && settled.size > 0)
    return this.link.failure ?? (interrupted && (interrupted.refused ?? unreachable('it does not acknowledge yet')))
  }

  get told(): readonly (string | undefined)[] {
    return [this.link.told]
  }

  open(): void {
    this.link.open()
  }

  ready(): Promise<void> {
    return this.link.ready(this.#settings.timeout)
  }

  async add(channel: string, listener: Listener): Promise<void> {
    const end = performance.now() + this.#settings.timeout
    await this.link.up(this.#settings.timeout)
    const subscription = this.#all.get(channel) ?? this.#begin(channel)
    subscription.listeners.add(listener)
    try {
      await this.#live(subscription, end - performance.now())
      subscription.settled.add(listener)
    } catch (error) {
      this.remove(channel, listener)
      throw error
    }
  }

  remove(channel: string, listener: Listener): void {
    const subscription = this.#all.get(channel)
    if (!subscription?.listeners.delete(listener)) return
    subscription.settled.delete(listener)
    if (subscription.listeners.size > 0) return
    this.#all.delete(channel)
    // Where that fails the connection breaks off, and with it the subscription.
    if (this.link.isUp) this.#unsubscribe(channel).catch(() => {})
  }

  renew(): void {
    if (this.link.isUp) this.link.client.disconnect(true)
  }

  close(): void {
    clearTimeout(this.#retryTimer)
    this.link.client.off('message', this.#receive).off('smessage', this.#receive).off('moved', this.#moved)
    this.link.close()
    for (const { waiting } of this.#all.values()) waiting.rejectAll(closed('Redis'))
    this.#all.clear()
  }

  async #live({ isLive, waiting, acknowledged }: Subscription, ms: number): Promise<void> {
    const late = () => this.link.failure ?? unreachable('it does not acknowledge a subscription')
    if (!isLive) await waiting.run(acknowledged.promise, ms, late)
  }

  #begin(channel: string): Subscription {
    const subscription: Subscription = {
      channel,
      listeners: new Set(),
      settled: new Set(),
      waiting: new Limited(),
      acknowledged: deferred(),
      isLive: false,
      refused: undefined,
    }
    this.#all.set(channel, subscription)
    this.#ask([subscription])
    return subscription
  }

  #up(): void {
    this.#connection += 1
    this.#askAll([...this.#all.values()])
  }

  #interrupted(): void {
    this.#connection += 1
    for (const subscription of this.#all.values()) this.#interrupt(subscription)
  }

  #interrupt(subscription: Subscription): void {
    if (!subscription.isLive) return
    subscription.isLive = false
    subscription.acknowledged = deferred()
  }

  #askAll(subscriptions: Subscription[]): void {
    const size = this.#settings.kind === 'plain' ? BATCH : 1 // a command of sharded Pub/Sub can name one slot only
    for (let from = 0; from < subscriptions.length; from += size) this.#ask(subscriptions.slice(from, from + size))
  }

  #ask(subscriptions: Subscription[]): void {
    const connection = this.#connection
    const channels = subscriptions.map(({ channel }) => channel)
    this.#subscribe(channels).then(
      () => {
        if (connection === this.#connection) for (const one of subscriptions) this.#acknowledge(one)
      },
      error => {
        if (connection === this.#connection) this.#refused(subscriptions, error)
      },
    )
  }

  #acknowledge(subscription: Subscription): void {
    if (subscription.isLive || this.#all.get(subscription.channel) !== subscription) return // asked twice, or left meanwhile
    subscription.isLive = true
    subscription.refused = undefined
    subscription.acknowledged.resolve()
    for (const listener of subscription.settled) listener.lost()
  }

  // One channel that is forbidden refuses a whole command.
  #refused(subscriptions: Subscription[], error: unknown): void {
    const verdict = verdictOf(error)
    if (verdict instanceof SseError && subscriptions.length > 1) {
      for (const one of subscriptions) this.#ask([one])
      return
    }
    if (verdict instanceof SseError) for (const one of subscriptions) this.#refuse(one, verdict)
    if (verdict === 'passing') this.#settings.moved?.()
    this.#retryTimer ??= setTimeout(() => this.#retry(), RETRY).unref()
  }

  #refuse(subscription: Subscription, error: SseError): void {
    const isNews = subscription.refused?.code !== error.code
    subscription.refused = error
    subscription.waiting.rejectAll(error)
    if (isNews && subscription.settled.size > 0) this.#settings.failed(error)
  }

  #retry(): void {
    this.#retryTimer = undefined
    if (this.link.isUp) this.#askAll([...this.#all.values()].filter(({ isLive }) => !isLive))
  }

  #subscribe(channels: readonly string[]): Promise<unknown> {
    const { client } = this.link
    return this.#settings.kind === 'plain' ? client.subscribe(...channels) : client.ssubscribe(...channels)
  }

  #unsubscribe(channel: string): Promise<unknown> {
    const { client } = this.link
    return this.#settings.kind === 'plain' ? client.unsubscribe(channel) : client.sunsubscribe(channel)
  }

  readonly #receive = (channel: string, text: string) => {
    for (const listener of this.#all.get(channel)?.listeners ?? []) listener.message(text)
  }

  // The node has given up a slot, and with it subscriptions: those that are still its own are acknowledged again.
  readonly #moved = () => {
    this.#settings.moved?.()
    for (const subscription of this.#all.values()) this.#interrupt(subscription)
    this.#askAll([...this.#all.values()])
  }
}
