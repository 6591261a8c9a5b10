import type { Cursor, Follower, Reset } from './cursor.js'
import type { Message } from './event.js'
import type { Range } from './log.js'
import type { Entry } from './plugin.js'
import { idOf } from './position.js'
import { resetEvent } from './reset-event.js'

/** Options of `pubsub.subscribe`. */
export interface SubscribeOptions {
  /** Ends the subscription after so many events. Left out, it does not end by itself. */
  limit?: number | undefined
  /** Ends the subscription when it is aborted. */
  signal?: AbortSignal | undefined
  /** The id of the last event that was seen: what followed it comes first. */
  lastEventId?: string | undefined
}

/** An event that was received on a channel. */
export interface ReceivedEvent extends Message {
  /** The channel that it was published to. */
  readonly channel: string
  /** Its publisher's, else its position; empty if it has neither, as on a channel without history. */
  readonly id: string
}

type Follow = (follower: Follower, lastEventId: string | undefined) => Cursor

/** The events of a channel, pulled by `for await`. Leaving the loop ends the subscription. */
export class EventSubscription implements AsyncIterableIterator<ReceivedEvent> {
  /** Resolves once every later event of the channel will be received. Rejects if the channel cannot be followed. */
  readonly ready: Promise<void>
  readonly #channel: string
  readonly #signal: AbortSignal | undefined
  #cursor: Cursor | undefined
  #events: ReceivedEvent[] = []
  #left: number
  #over = false
  #setReady = () => {}
  readonly #ended: () => void
  #failure: unknown
  #wake: (() => void) | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(channel: string, { limit, signal, lastEventId }: SubscribeOptions, follow: Follow, ended: () => void) {
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0)) {
      throw new RangeError(`limit must be 0 or a positive integer, not ${String(limit)}`)
    }
    this.#channel = channel
    this.#ended = ended
    this.#signal = signal
    this.#left = limit ?? Number.POSITIVE_INFINITY
    signal?.addEventListener('abort', this.#end, { once: true })
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve
      if (signal?.aborted || limit === 0) this.#end()
      else this.#cursor = follow(this.#follower(resolve, reject), lastEventId)
    })
    this.ready.catch(this.#fail)
  }

  /** Takes the next event, once there is one. Rejects, once, with what ended the subscription, if that was a failure. */
  next(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    const result = this.#turn.then(() => this.#pull())
    this.#turn = result.catch(() => {})
    return result
  }

  /** @internal */
  get isOver(): boolean {
    return this.#over
  }

  /** Ends the subscription, as leaving the loop does. Twice is harmless. */
  async return(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    this.#end()
    return { done: true, value: undefined }
  }

  /** Itself: who reads it with several loops shares its events among them. */
  [Symbol.asyncIterator](): this {
    return this
  }

  async #pull(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    while (!this.#over && this.#events.length === 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#cursor?.advance()
      })
      this.#wake = undefined
    }
    const value = this.#over ? undefined : this.#events.shift()
    if (value === undefined) return this.#last()
    if (value.event !== 'stream-reset') this.#left -= 1
    if (this.#left === 0) this.#end()
    return { done: false, value }
  }

  #last(): IteratorReturnResult<undefined> {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    return { done: true, value: undefined }
  }

  #follower(joined: () => void, failed: (error: unknown) => void): Follower {
    const isAsked = () => this.#wake !== undefined && this.#events.length === 0
    return {
      whenBehind: 'catch-up',
      get ready() {
        return isAsked()
      },
      joined,
      live: () => {},
      take: (range: Range) => this.#receive(range.entries()),
      replay: entries => this.#receive(entries),
      reset: (reset: Reset) => this.#add(resetEvent(this.#channel, reset)),
      fail: error => {
        failed(error)
        this.#fail(error)
      },
    }
  }

  #receive(entries: readonly Entry[]): void {
    for (const { message, position } of entries) this.#add({ ...message, id: message.id ?? idOf(position) ?? '' })
  }

  #add(message: Message): void {
    const { data, event, retry, id = '' } = message
    this.#events.push({ channel: this.#channel, data, event, retry, id })
    this.#wake?.()
  }

  readonly #fail = (error: unknown) => {
    this.#failure = error
    this.#end()
  }

  readonly #end = () => {
    this.#over = true
    this.#setReady() // nobody is to wait for what will not come
    this.#ended()
    this.#signal?.removeEventListener('abort', this.#end)
    this.#cursor?.close()
    this.#wake?.()
  }
}
