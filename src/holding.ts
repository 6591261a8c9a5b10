import { setTimeout as wait } from 'node:timers/promises'
import { STREAM_OVER } from './abort.js'
import { drive, type Outcome } from './drive.js'
import { isPassing, SseError } from './errors.js'
import { type Message, ServerSentEvent } from './event.js'
import { STREAM_END } from './mount.js'
import type { Position } from './position.js'
import type { RunStore, Standing } from './run-store.js'
import type { Values } from './source.js'

/** Milliseconds between two tries to publish. */
const RETRY = 250

export interface HoldingSettings {
  readonly channel: string
  readonly store: RunStore
  /** Milliseconds for which the end is kept. */
  readonly keep: number
  /** Milliseconds after which the source is stopped; undefined for any time. */
  readonly maxAge: number | undefined
  /** Most events that are kept. */
  readonly count: number
  /** Claims the run again; begins it again if it is gone, but not only to end it. */
  claim(begin: boolean): Promise<Standing>
  /** Resolves when the source may be asked for more. */
  pace(signal: AbortSignal): Promise<void>
  failed(error: unknown): void
}

/** A run that this process holds: its source is run here, and its events are published from here. */
export class Holding {
  readonly #settings: HoldingSettings
  readonly #controller = new AbortController()
  #token: number
  /** Before what is published next. What the store says may be further on already: it may have taken that. */
  #sent: Position

  constructor({ token, top }: Standing, settings: HoldingSettings) {
    this.#settings = settings
    this.#token = token
    this.#sent = top
  }

  /** Aborted when the run is stopped. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The position of its newest event. */
  get sent(): Position {
    return this.#sent
  }

  /** Publishes all values, and then the end. Resolves to whether the run has ended; else another holds it, or it was stopped. */
  async run(values: Values): Promise<boolean> {
    const { maxAge, pace, failed } = this.#settings
    let timer: NodeJS.Timeout | undefined
    // A source that does not heed its signal is not waited for.
    const tooLate = new Promise<Outcome>(resolve => {
      if (maxAge === undefined) return
      timer = setTimeout(() => {
        resolve(late(maxAge))
        this.stop()
      }, maxAge).unref()
    })
    const { signal } = this
    const publish = (event: ServerSentEvent) => this.#publish(event, signal)
    const outcome = await Promise.race([drive(values, { signal, pace: () => pace(signal), publish }), tooLate])
    clearTimeout(timer)
    try {
      return await this.#conclude(outcome)
    } catch (error) {
      failed(error)
      return false
    }
  }

  /** Stops the source. Nothing more is published. */
  stop(): void {
    this.#controller.abort(STREAM_OVER)
  }

  /** Publishes the end, and keeps it. Resolves to whether the run was held still. */
  async finish(data: object): Promise<boolean> {
    const { channel, store, keep } = this.#settings
    // An event like the others, so that who comes back later finds it.
    const end = new ServerSentEvent(data, { event: STREAM_END, id: STREAM_END, allowReserved: true })
    const isHeld = await this.#publish(end)
    if (isHeld) await this.#again(() => store.finish(channel, this.#token, keep))
    return isHeld
  }

  /** Forgets the run: who comes now begins another. */
  async forget(): Promise<void> {
    const { channel, store } = this.#settings
    await store.finish(channel, this.#token, 0)
  }

  async #conclude(outcome: Outcome): Promise<boolean> {
    if ('error' in outcome) this.#settings.failed(outcome.error)
    if (outcome.how === 'stopped') return false
    return this.finish(outcome.how === 'failed' ? { failed: true } : {})
  }

  async #publish(message: Message, signal?: AbortSignal): Promise<boolean> {
    const { channel, store, claim, count } = this.#settings
    for (;;) {
      const position = await this.#again(() => store.publish(channel, message, this.#token, this.#sent, count), signal)
      if (position) {
        this.#sent = position
        return true
      }
      if (signal?.aborted) return false
      const standing = await this.#again(() => claim(signal !== undefined), signal) // the store may have lost it, and now it is ours again
      if (standing?.status !== 'mine' || standing.token === this.#token) return false
      this.#token = standing.token
      this.#sent = standing.top
    }
  }

  // Who holds a run goes on with it once the store is back, unless another has taken it over by then.
  async #again<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    while (!signal?.aborted) {
      try {
        return await act()
      } catch (error) {
        const { code } = error as { code?: unknown }
        if (!isPassing(error) && code !== 'ERR_SSE_UNCERTAIN') throw error
      }
      await wait(RETRY, undefined, { ref: false, ...(signal && { signal }) }).catch(() => {})
    }
    return undefined
  }
}

const late = (maxAge: number): Outcome => ({
  how: 'failed',
  error: new SseError('ERR_SSE_TIMEOUT', `A detached run was stopped after ${maxAge} ms: see the option maxAge`),
})
