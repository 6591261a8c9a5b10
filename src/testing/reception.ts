import type { IncomingMessage } from 'node:http'
import { finished, type Readable } from 'node:stream'
import { decompressed } from './decompressed.js'
import { EventQueue } from './event-queue.js'
import { broken, notAStream, shownBody } from './failures.js'
import { Transcript } from './transcript.js'
import { waiting } from './waiters.js'

/** A response coming in: its bytes go into the transcript, and those who wait are told. */
export class Reception {
  readonly transcript: Transcript
  /** What is read from; to be paused and resumed. */
  readonly source: Readable
  readonly #response: IncomingMessage
  readonly #queue: EventQueue

  constructor(response: IncomingMessage, lastEventId: string, timeout: number) {
    this.#response = response
    this.transcript = new Transcript(lastEventId, isEventStream(response))
    this.#queue = new EventQueue(this.transcript, timeout)
    this.source = decompressed(response)
    this.source.on('data', (bytes: Uint8Array) => this.#add(bytes))
    finished(this.source, error => {
      if (!error) this.#add()
      this.finish(error ? () => broken(error) : undefined)
    })
  }

  /** Nothing more will come; what waits rejects with `failure`, if there is one. The first call counts. */
  finish(failure?: () => unknown): void {
    this.#queue.finish(failure)
  }

  /** Rejects if this is no event stream: there never will be events then. */
  async events(): Promise<EventQueue> {
    if (isEventStream(this.#response)) return this.#queue
    const enough = () => this.#queue.isOver || this.transcript.text.length >= shownBody
    // The body is only for the message: what keeps it from coming is not what is wrong.
    await this.#queue.until('a body', () => enough() || waiting).catch(() => {})
    throw notAStream(this.#response, this.transcript.text)
  }

  /** The text of the response, once it has ended. */
  async body(): Promise<string> {
    const attempt = () => (this.#queue.isEnded ? this.transcript.text : waiting)
    return await this.#queue.until('the end of the response', attempt)
  }

  #add(bytes?: Uint8Array): void {
    this.transcript.add(bytes)
    this.#queue.changed()
  }
}

function isEventStream({ statusCode, headers }: IncomingMessage): boolean {
  return statusCode === 200 && /^text\/event-stream *(;|$)/i.test(headers['content-type'] ?? '')
}
