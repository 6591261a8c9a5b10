import type { IncomingHttpHeaders } from 'node:http'
import { type Exchange, exchange } from './exchange.js'
import { closedHere } from './failures.js'
import type { Plan } from './options.js'
import { Reception } from './reception.js'
import type { Place } from './target.js'
import type { TestEvent } from './test-event.js'

/** What a stream asks for, and where: all that a reconnect needs. */
export interface Call {
  readonly place: Place
  readonly plan: Plan
}

/**
 * A response that is being received. Every call that waits takes at most the option `timeout`, then rejects with
 * `ERR_SSE_TIMEOUT` and tells what had come; a call that rejects has taken no event. Events that had come before the
 * end can still be taken after it. Where the end was none, what waits rejects: with `ERR_SSE_BROKEN` if the connection
 * broke off, with `ERR_SSE_CLOSED` if it was closed here, with the signal's reason if that was aborted.
 */
export class TestStream implements AsyncIterable<TestEvent>, AsyncDisposable {
  /** Where the response is from; other requests to an app that is served for this stream go there too. */
  readonly url: string
  /** The status of the response, such as 200. */
  readonly status: number
  /** The headers of the response, their names in lower case. */
  readonly headers: IncomingHttpHeaders
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #reception: Reception
  #closing: Promise<void> | undefined
  #gone = false

  private constructor(call: Call, exchange: Exchange, lastEventId: string) {
    const { response } = exchange
    this.url = call.place.url.href
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    this.#call = call
    this.#exchange = exchange
    this.#reception = new Reception(response, lastEventId, call.plan.timeout)
    call.plan.signal?.addEventListener('abort', this.#aborted)
  }

  /** @internal */
  static async open(call: Call, lastEventId: string): Promise<TestStream> {
    return new TestStream(call, await exchange(call.place.url, call.plan, lastEventId), lastEventId)
  }

  /** All events received so far, taken or not. */
  get events(): readonly TestEvent[] {
    return this.#reception.transcript.events
  }

  /** The texts of all comments received so far. */
  get comments(): readonly string[] {
    return this.#reception.transcript.comments
  }

  /** The last `retry` received, in milliseconds. */
  get retry(): number | undefined {
    return this.#reception.transcript.retry
  }

  /** The id that a reconnect sends: the last one received, else the option `lastEventId`; empty for none. */
  get lastEventId(): string {
    return this.#reception.transcript.lastEventId
  }

  /** All text received so far, as the server wrote it. */
  get text(): string {
    return this.#reception.transcript.text
  }

  /** Takes the next event; `undefined` once the server has ended the stream. */
  async next(): Promise<TestEvent | undefined> {
    return await (await this.#reception.events()).next()
  }

  /**
   * Takes the next `count` events.
   *
   * @throws {SseError} `ERR_SSE_ENDED`: the server ended the stream before.
   */
  async take(count: number): Promise<TestEvent[]> {
    if (!Number.isInteger(count) || count < 0) throw new RangeError('take(count): count must be an integer from 0')
    return await (await this.#reception.events()).take(count)
  }

  /**
   * Takes events up to the first that matches, and answers that one.
   *
   * @throws {SseError} `ERR_SSE_ENDED`: the server ended the stream before.
   */
  async find(matches: (event: TestEvent) => boolean): Promise<TestEvent> {
    return await (await this.#reception.events()).find(matches)
  }

  /** Waits until the server ends the stream, and takes all events that are left. */
  async ended(): Promise<TestEvent[]> {
    return await (await this.#reception.events()).rest()
  }

  /** Waits until the server ends the response, of whatever type it is, and answers its text. */
  async body(): Promise<string> {
    return await this.#reception.body()
  }

  /** The events from the next one to the end. Leaving the loop leaves the stream open. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TestEvent, void, undefined> {
    for (let event = await this.next(); event; event = await this.next()) yield event
  }

  /** Stops reading: no event comes in, what the server sends fills the buffers between, and then it has to wait. */
  pause(): void {
    this.#reception.source.pause()
  }

  /** Reads on. */
  resume(): void {
    this.#reception.source.resume()
  }

  /**
   * Closes this connection and at once sends the same request again with the last event id, as an EventSource does.
   * This stream is closed by it; an app that is served for it stays, and is closed with the new stream. If the request fails it can be tried again.
   */
  async reconnect(): Promise<TestStream> {
    if (this.#gone || this.#closing) throw closedHere()
    await this.#hangUp(closedHere)
    const stream = await TestStream.open(this.#call, this.lastEventId)
    this.#gone = true
    this.#call.plan.signal?.removeEventListener('abort', this.#aborted)
    return stream
  }

  /** Closes the connection and what was opened for it; resolves once its sockets are closed. Twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close(closedHere)
    return this.#closing
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #aborted = () => {
    const { signal } = this.#call.plan
    this.#closing ??= this.#close(() => signal?.reason)
  }

  async #close(reason: () => unknown): Promise<void> {
    this.#call.plan.signal?.removeEventListener('abort', this.#aborted)
    await this.#hangUp(reason)
    if (!this.#gone) await this.#call.place.release()
  }

  async #hangUp(reason: () => unknown): Promise<void> {
    this.#reception.finish(reason)
    await this.#exchange.close()
  }
}
