import process from 'node:process'
import { mittPlugin } from '../plugins/mitt/index.js'
import { Activity } from './activity.js'
import { type Emitter, isEmitter, listen } from './bind.js'
import { Channel, type ChannelSettings, type ChannelStats } from './channel.js'
import type { Cursor, Follower } from './cursor.js'
import { isOutage, SseError } from './errors.js'
import { type EventFields, MAX_ID, type Message, ServerSentEvent } from './event.js'
import { EventSubscription, type SubscribeOptions } from './event-subscription.js'
import { checkChannel, isInternal } from './names.js'
import { checkNames, type PubSubLimits, pubSubLimits } from './options.js'
import type { Health, Plugin, Relay } from './plugin.js'
import { formatPosition, idOf, NO_POSITION, NOWHERE, type Position, parsePosition, previous } from './position.js'
import { numbered } from './relay.js'
import { rethrow } from './rethrow.js'
import type { RunStore } from './run-store.js'

/** Options of `PubSub`. */
export interface PubSubOptions extends PubSubLimits {
  /**
   * What carries the channels.
   * @default mittPlugin()
   */
  plugin?: Plugin | Relay | undefined
  /** Called with what fails apart from any call. By default a connection that broke off is a warning of the process, and anything else is
   * thrown: an event of a bound emitter that could not be published, say. */
  onError?: ((error: unknown) => void) | undefined
}

/** What `publish` takes besides the data. */
export interface PublishOptions extends EventFields {
  /** @default 'sse' */
  channel?: string | undefined
}

/** Options of `bind`. */
export interface BindOptions {
  /** @default 'sse' */
  channel?: string | undefined
}

/** The channel that is meant where none is named. */
export const DEFAULT_CHANNEL = 'sse'

/** Channels by name, without HTTP: what `SseRouter` serves, and what a worker publishes with. */
export class PubSub {
  /** Tells what happens inside: to logs, metrics and tracers. */
  readonly activity: Activity
  readonly #plugin: Plugin
  readonly #onError: (error: unknown) => void
  readonly #settings: ChannelSettings
  #rejected = 0
  readonly #subscriptions = new Set<EventSubscription>()
  readonly #channels = new Map<string, Channel>()
  /** Those of this package's own: of shared runs, say. */
  readonly #internal = new Map<string, Channel>()

  /** @throws TypeError or RangeError for options that cannot be used. */
  constructor(options: PubSubOptions = {}) {
    checkNames('PubSub', options)
    const { plugin = mittPlugin(), onError = report, ...limits } = options
    this.#plugin = plugin.read ? plugin : numbered(plugin)
    this.#onError = error => {
      try {
        onError(error)
      } catch (thrown) {
        rethrow(thrown) // elsewhere: it is not to stop who called
      }
    }
    this.#settings = pubSubLimits(limits)
    this.activity = new Activity(this.#onError)
    this.#plugin.watch?.(error => this.failed(error))
  }

  /** How many messages that others published were left out because they are none that can be sent. */
  get rejected(): number {
    return this.#rejected
  }

  /** How many channels have followers in this process. */
  get channels(): number {
    return this.#channels.size
  }

  /** Bytes of encoded events that are held for followers in this process. */
  get logBytes(): number {
    let bytes = 0
    for (const channel of this.#channels.values()) bytes += channel.logBytes
    for (const channel of this.#internal.values()) bytes += channel.logBytes
    return bytes
  }

  /** The channels that have followers in this process, one by one. */
  *followed(): Generator<ChannelStats> {
    for (const channel of this.#channels.values()) yield channel.stats()
  }

  /**
   * Publishes an event to all who follow a channel, in every process. Resolves to the event's id once the plugin has it; to an empty
   * text where it has none, because the plugin keeps no history.
   * @throws TypeError for what the wire cannot carry, or a channel name that is not allowed; what the plugin rejects with.
   */
  async publish(data: unknown, options: PublishOptions = {}): Promise<string> {
    checkNames('publish', options) // a misspelt channel would reach everybody
    const { channel = DEFAULT_CHANNEL, ...fields } = options
    const event = data instanceof ServerSentEvent ? data : new ServerSentEvent(data, fields)
    const begun = performance.now()
    const position = await this.#plugin.publish(checkChannel(channel), event)
    this.#published(channel, event, begun)
    return event.id ?? idOf(position) ?? ''
  }

  /** Publishes on a channel that is not a user's. @internal */
  async send(channel: string, message: Message): Promise<void> {
    await this.#plugin.publish(channel, message)
  }

  /** Resolves once publishing and receiving work: what a server waits for before it takes requests. Rejects at once with why they do not. */
  async ready(): Promise<void> {
    await this.#plugin.ready?.()
  }

  /** Whether publishing and receiving work now, and why not: for health checks. It answers at once, from what is known. */
  health(): Health {
    return this.#plugin.health?.() ?? { publishing: true, receiving: true }
  }

  /**
   * The position of a channel's newest event: a page that is rendered now can start its stream from it, as `?lastEventId=`. Empty where
   * the plugin keeps no history.
   */
  async position(channel: string = DEFAULT_CHANNEL): Promise<string> {
    const { top } = await this.#plugin.read(checkChannel(channel), undefined, 0)
    return idOf(top) ?? ''
  }

  /**
   * Follows channels from now on, or from the last event ID of an earlier subscription. Events are pulled: who does not ask for
   * more holds a bounded part of the channel's log, and what it can no longer get is told as an event `stream-reset`.
   * @throws TypeError or RangeError for names or options that cannot be used.
   */
  subscribe(channel: string = DEFAULT_CHANNEL, options: SubscribeOptions = {}): EventSubscription {
    const follow = (follower: Follower, id: string | undefined) => this.follow(channel, follower, id)
    const ended = () => this.#subscriptions.delete(subscription)
    const subscription: EventSubscription = new EventSubscription(checkChannel(channel), options, follow, ended)
    if (!subscription.isOver) this.#subscriptions.add(subscription)
    return subscription
  }

  /**
   * Publishes what an emitter emits, each event under its own name: of Node's EventEmitter and mitt the argument (or a list of
   * them), of an EventTarget the event's `detail` or `data`. Returns what undoes it.
   * @throws TypeError for what is no emitter, or names that cannot be event types.
   */
  bind(emitter: Emitter, events: readonly string[], { channel = DEFAULT_CHANNEL }: BindOptions = {}): () => void {
    checkChannel(channel)
    if (!isEmitter(emitter)) throw new TypeError('bind takes an emitter: an object with on and off, or an EventTarget')
    if (!Array.isArray(events) || events.length === 0)
      throw new TypeError("bind takes a list of event names, such as ['order']")
    for (const event of events) new ServerSentEvent('', { event })
    return listen(emitter, events, (event, data) => {
      this.publish(data, { channel, event }).catch(error => this.failed(error, channel))
    })
  }

  /** Follows a channel from its newest event, or from an id that the follower has seen. @internal */
  follow(channel: string, follower: Follower, lastEventId: string | undefined): Cursor {
    const isNone = lastEventId === NO_POSITION || (lastEventId?.length ?? 0) > MAX_ID
    const after = isNone ? NOWHERE : lastEventId && (parsePosition(lastEventId) ?? lastEventId)
    return this.#channel(channel).follow(follower, after)
  }

  /** Where runs stand that processes share, if the plugin can tell. @internal */
  get runStore(): RunStore | undefined {
    return this.#plugin.runs
  }

  /** @internal */
  async find(channel: string, id: string): Promise<Position | undefined> {
    return this.#plugin.find?.(channel, id)
  }

  /** The id of the event at a position that is not the first. @internal */
  async idAt(channel: string, position: Position): Promise<string> {
    const result = await this.#plugin.read(channel, previous(position), 1)
    const [entry] = result.ok ? result.entries : []
    return entry?.message.id ?? formatPosition(position)
  }

  /** Ends its subscriptions, and closes what the plugin opened. Streams are ended by who opened them. */
  async close(): Promise<void> {
    for (const subscription of [...this.#subscriptions]) await subscription.return()
    await this.#plugin.close()
  }

  #published(channel: string, { data }: Message, begun: number): void {
    this.activity.published += 1
    if (!this.activity.hears('publish')) return
    const bytes = Buffer.byteLength(data)
    this.activity.tell('publish', { channel, bytes, duration: performance.now() - begun })
  }

  #channel(name: string): Channel {
    const channels = isInternal(name) ? this.#internal : this.#channels
    const known = channels.get(name)
    if (known) return known
    const channel: Channel = new Channel(name, this.#plugin, this.#settings, {
      emptied: () => channels.get(name) === channel && channels.delete(name),
      failed: error => this.failed(error, name),
      fannedOut: (followers, duration) => {
        if (!isInternal(name) && this.activity.hears('fanout'))
          this.activity.tell('fanout', { channel: name, followers, duration })
      },
    })
    channels.set(name, channel)
    return channel
  }

  /** Reports and counts what fails apart from any call. @internal */
  failed(error: unknown, channel?: string): void {
    if (error instanceof SseError && error.code === 'ERR_SSE_MESSAGE') this.#rejected += 1
    this.activity.fail({ error, channel: channel && isInternal(channel) ? undefined : channel })
    this.#onError(error)
  }
}

// An outage rejects what is called, and health() tells it: it is no reason to end a process that has no better place for it.
function report(error: unknown): void {
  if (isOutage(error)) process.emitWarning(error as Error)
  else rethrow(error)
}
