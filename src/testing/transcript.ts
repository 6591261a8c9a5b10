import { createParser, type EventSourceParser } from 'eventsource-parser'
import { LastEventId } from './last-event-id.js'
import { type TestEvent, testEvent } from './test-event.js'

/** All that was received so far: the bytes of a response as text, and what that text says. */
export class Transcript {
  text = ''
  retry: number | undefined
  readonly events: TestEvent[] = []
  readonly comments: string[] = []
  readonly #isEventStream: boolean
  readonly #lastEventId: LastEventId
  readonly #parser: EventSourceParser
  readonly #decoder = new TextDecoder()
  #afterCr = false

  constructor(lastEventId: string, isEventStream: boolean) {
    this.#isEventStream = isEventStream
    this.#lastEventId = new LastEventId(lastEventId)
    this.#parser = createParser({
      onEvent: message => this.events.push(testEvent(message)),
      onComment: comment => this.comments.push(comment),
      onRetry: retry => {
        this.retry = retry
      },
    })
  }

  get lastEventId(): string {
    return this.#lastEventId.current
  }

  /** Takes the next bytes, or with none the end: half a character that is left over then is shown as `\ufffd`. */
  add(bytes?: Uint8Array): void {
    const text = bytes ? this.#decoder.decode(bytes, { stream: true }) : this.#decoder.decode()
    this.text += text
    if (this.#isEventStream) this.#read(this.#lf(text))
  }

  #read(text: string): void {
    this.#lastEventId.feed(text)
    this.#parser.feed(text)
  }

  // A CR ends a line at once; the parser would hold the line back until it knows whether a LF follows.
  #lf(text: string): string {
    if (text === '') return text
    const rest = this.#afterCr && text.startsWith('\n') ? text.slice(1) : text
    this.#afterCr = text.endsWith('\r')
    return rest.replace(/\r\n?/g, '\n')
  }
}
