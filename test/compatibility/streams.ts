import { EventEmitter, on } from 'node:events'
import { ServerSentEvent, type SourceOptions, type SseRouter, type StreamRequest } from 'koa-eventfeed'
import { turns } from '../support.js'

/** What a stream can come from, and the path of one that does. */
export const KINDS = [
  ['function', '/function'],
  ['generator', '/generator'],
  ['shared generator', '/shared'],
  ['channel', '/channel'],
] as const

const HARD = 'größer, 日本語, 👩‍🚀\n  data: no field\n\nid: 7'

/** The data of the event with a number: several lines, in several scripts, that look like fields. */
export const dataOf = (n: number) => `${n} ${HARD}`

/** A stream of each kind, at a router's paths. All of them send what `send` is told; each begins with the event 0, or `stream-open`. */
export class Streams {
  readonly #sse: SseRouter
  readonly #sent = new EventEmitter().setMaxListeners(0)
  #newest = step(0)

  constructor(sse: SseRouter, options: Omit<SourceOptions, 'share'> = {}) {
    const { methods: _, end: __, ...others } = options
    const generator = (request: StreamRequest) => this.#steps(request)
    sse.streamFunc('/function', () => this.#newest, { interval: 5, changes: true, ...options })
    sse.streamGen('/generator', generator, options)
    sse.streamGen('/shared', generator, { share: true, linger: 1, ...options })
    sse.pubSub('/channel', others)
    this.#sse = sse
  }

  /** Sends an event `step` on each stream, with the number as its id, and data that is hard to carry. */
  async send(n: number): Promise<void> {
    this.#newest = step(n)
    this.#sent.emit('step', n)
    await this.#sse.publish(dataOf(n), { event: 'step', id: n })
  }

  /** How many streams are open, as the router knows. */
  async open(): Promise<number> {
    let count = 0
    await this.#sse.disconnect(() => {
      count += 1
      return false
    })
    return count
  }

  /** Resolves once nobody watches, and every generator has been through its `finally`. */
  async left(): Promise<void> {
    while ((await this.open()) > 0 || this.#sent.listenerCount('step') > 0) await turns()
  }

  // A listener of `on` is removed as soon as its loop is left.
  async *#steps({ signal }: StreamRequest): AsyncGenerator<ServerSentEvent> {
    const steps = on(this.#sent, 'step', { signal })
    yield step(0)
    for await (const [n] of steps) yield step(n)
  }
}

const step = (n: number) => new ServerSentEvent(dataOf(n), { event: 'step', id: n })
