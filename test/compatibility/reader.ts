import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream'
import { fetch, type Headers, type RequestInit } from 'undici'

/** An answer that is read event by event, by a client and a parser that are not of this package. */
export class Reader implements AsyncDisposable {
  readonly status: number
  readonly headers: Headers
  readonly #leaving: AbortController
  readonly #events: ReadableStreamDefaultReader<EventSourceMessage>

  private constructor(response: Awaited<ReturnType<typeof fetch>>, leaving: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#leaving = leaving
    this.#events = (response.body ?? new ReadableStream<Uint8Array>({ start: controller => controller.close() }))
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
      .getReader()
  }

  static async open(url: string, init: RequestInit = {}): Promise<Reader> {
    const leaving = new AbortController()
    return new Reader(await fetch(url, { ...init, signal: leaving.signal }), leaving)
  }

  /** Resolves to the next event; to undefined at the end. */
  async next(): Promise<EventSourceMessage | undefined> {
    return (await this.#events.read()).value
  }

  /** Resolves to the next event of a name. */
  async find(name: string): Promise<EventSourceMessage> {
    for (;;) {
      const event = await this.next()
      if (event === undefined) throw new Error(`The stream ended without an event ${name}`)
      if (event.event === name) return event
    }
  }

  /** Resolves once the stream is known to be running: to its first event, which `Streams` sends by itself. */
  async begun(): Promise<EventSourceMessage> {
    const event = await this.next()
    if (event === undefined) throw new Error('The stream ended before it had begun')
    return event
  }

  /** Breaks the request off, as a page does that is closed. */
  leave(): void {
    this.#leaving.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave()
    await this.#events.cancel().catch(() => {})
  }
}
