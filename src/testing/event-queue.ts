import { SseError } from '../errors.js'
import { report } from './report.js'
import type { TestEvent } from './test-event.js'
import type { Transcript } from './transcript.js'
import { late, Waiters, waiting } from './waiters.js'

const over = Symbol('over')

/** The events of a transcript, to be taken one after another. A call that fails has taken nothing. */
export class EventQueue {
  readonly #transcript: Transcript
  readonly #limit: number
  readonly #waiters = new Waiters()
  #taken = 0
  #over = false
  #failure: (() => unknown) | undefined

  constructor(transcript: Transcript, limit: number) {
    this.#transcript = transcript
    this.#limit = limit
  }

  /** Nothing more will come, for whatever reason. */
  get isOver(): boolean {
    return this.#over
  }

  /** The server has ended the stream. */
  get isEnded(): boolean {
    return this.#over && !this.#failure
  }

  /** Lets those who wait look at what has come. */
  changed(): void {
    this.#waiters.changed()
  }

  /** Nothing more will come; with `failure` there was no clean end. The first call counts. */
  finish(failure?: () => unknown): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    this.changed()
  }

  next(): Promise<TestEvent | undefined> {
    return this.until('an event', () => (this.#left > 0 || this.isEnded ? this.#cut(1)[0] : waiting))
  }

  take(count: number): Promise<TestEvent[]> {
    return this.until(`${count} events`, () => (this.#left >= count ? this.#cut(count) : waiting))
  }

  find(matches: (event: TestEvent) => boolean): Promise<TestEvent> {
    let seen = this.#taken
    return this.until('an event that matches', () => {
      for (seen = Math.max(seen, this.#taken); seen < this.#events.length; ) {
        const event = this.#events[seen++]
        if (event && matches(event)) {
          this.#taken = seen
          return event
        }
      }
      return waiting
    })
  }

  rest(): Promise<TestEvent[]> {
    return this.until('the end of the stream', () => (this.isEnded ? this.#cut(this.#left) : waiting))
  }

  /** Waits until `attempt` finds something; rejects if the time or the stream is over before. */
  async until<Found>(what: string, attempt: () => Found | typeof waiting): Promise<Found> {
    const found = await this.#waiters.until(() => {
      const result = attempt()
      return result === waiting && this.#over ? over : result
    }, this.#limit)
    if (found === late) throw new SseError('ERR_SSE_TIMEOUT', `waited ${this.#limit} ms for ${what}: ${this.#report()}`)
    if (found !== over) return found
    throw this.#failure?.() ?? new SseError('ERR_SSE_ENDED', `the stream ended before ${what} came: ${this.#report()}`)
  }

  get #events(): readonly TestEvent[] {
    return this.#transcript.events
  }

  get #left(): number {
    return this.#events.length - this.#taken
  }

  #cut(count: number): TestEvent[] {
    const cut = this.#events.slice(this.#taken, this.#taken + count)
    this.#taken += cut.length
    return cut
  }

  #report(): string {
    return report(this.#events.slice(this.#taken), this.#transcript.text)
  }
}
