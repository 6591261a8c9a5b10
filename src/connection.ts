import { performance } from 'node:perf_hooks'
import type { Context } from 'koa'
import { StreamSignal } from './abort.js'
import type { EndReason } from './activity.js'
import { CLOSE_GRACE, cut, forget, isClosed, releaseWhenClosed, whenClosed } from './closing.js'
import { COMMENT, encodeRetry } from './encoder.js'
import { Gatherer, type Outlet } from './gatherer.js'
import { type Handover, handOver, isUntouched } from './handover.js'
import { type Idler, keepAlive, release } from './keep-alive.js'
import type { Range } from './log.js'
import type { ResetReason } from './plugin.js'
import { type BodyOwner, BodySink, hasPlainSocket, type Sink, type SinkOwner, SocketSink } from './sink.js'

/** How a connection behaves. */
export interface ConnectionSettings {
  /** Longest silence before a keep-alive comment, in milliseconds; false for none. */
  readonly keepAlive: number | false
  /** The client's reconnection time, in milliseconds. */
  readonly retry: number | undefined
  /** Bytes that may wait for a client that does not read. */
  readonly maxBuffered: number
  /** How long a client may take nothing of what waits for it before it is cut off, in milliseconds; false for any time. */
  readonly writeTimeout: number | false
  /** Whether middleware may compress the stream. */
  readonly compress: boolean
}

/** Who sends over a connection. */
export interface Sender {
  /** The stream is over before its source is: the client has left, or the server has closed it. */
  left(): void
  /** The client can take more. For who does not wait for `ready()`. */
  caughtUp?(): void
  /** The channels whose events it sends. */
  readonly channels?: readonly string[]
}

/** What holds all of its connections until their responses are closed. */
export interface ConnectionOwner {
  opened(connection: Connection): void
  /** The response is closed. `reason` is why the stream is over; undefined if it has never been open. */
  closed(connection: Connection, reason: EndReason | undefined): void
  failed(error: unknown): void
  hole(channel: string, reason: ResetReason): void
}

/** How the server ends a stream. */
export interface Closing {
  /** Lets go of the connection too: the server is to close. */
  readonly releasing?: boolean
  /** Milliseconds after which the client is to come back. */
  readonly retry?: number
}

const ignore = () => {}

const NO_CHANNELS: readonly string[] = []

let count = 0

/**
 * One event stream, from its request to its end.
 *
 * It opens when all middleware has unwound: what they still add to the response, or an error that they throw, counts.
 * What it hands itself to calls its methods: closures would cost each idle client half a kilobyte.
 */
export class Connection implements Idler, BodyOwner, SinkOwner, Outlet, Handover {
  /** Names it in this process. */
  readonly id = ++count
  readonly ctx: Context
  readonly keepAlive: number
  /** Whose stream it is; undefined where nobody needs to know. */
  readonly key: string | undefined
  lastWrite = 0
  /** When it was opened, in milliseconds since 1970; 0 until it is. */
  opened = 0
  /** How many events were sent. */
  events = 0

  readonly #settings: ConnectionSettings
  readonly #report: Context['onerror']
  readonly #gatherer = new Gatherer(this)
  readonly #owner: ConnectionOwner
  #body: BodySink | undefined
  #sink: Sink | undefined
  #state: 'waiting' | 'open' | 'ended' | 'left' = 'waiting'
  #unwound = false
  #behind = false
  #behindSince = 0
  #wake = ignore
  #sender: Sender | undefined
  #signal: StreamSignal | undefined
  #closing: Promise<void> | undefined
  #setClosed = ignore
  #reason: EndReason | undefined

  constructor(ctx: Context, settings: ConnectionSettings, owner: ConnectionOwner, key: string | undefined) {
    this.ctx = ctx
    this.key = key
    this.#settings = settings
    this.#owner = owner
    this.keepAlive = Math.min(
      settings.keepAlive || Number.POSITIVE_INFINITY,
      settings.writeTimeout || Number.POSITIVE_INFINITY,
    )
    this.#report = ctx.onerror
    whenClosed(ctx, () => this.#closed())
    if (isClosed(ctx)) this.#leave()
  }

  /** Aborted when the stream is over before its source is: the client has left, or the server has closed it. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#signal = new StreamSignal()
      if (this.left) this.#signal.abort()
    }
    return this.#signal.signal
  }

  /** Whether the stream was over before its source was. */
  get left(): boolean {
    return this.#state === 'left'
  }

  /** The channels whose events are sent. */
  get channels(): readonly string[] {
    return this.#sender?.channels ?? NO_CHANNELS
  }

  /** Bytes that were sent, or wait to be. */
  get bytes(): number {
    return this.#sink?.bytes ?? 0
  }

  /** Bytes that wait for the client to read. */
  get held(): number {
    return this.#sink?.held ?? 0
  }

  /** Tells a sender what becomes of the stream, without the cost of a signal. One at a time. */
  attach(sender: Sender): void {
    this.#sender = sender
  }

  /** Whether the source may send now; `ready()` tells when it may again. */
  get writable(): boolean {
    return this.#state === 'open' && !this.#behind
  }

  /** Resolves to true once the stream is open and its client keeps up, to false once it is over. One caller at a time. */
  async ready(): Promise<boolean> {
    while (this.#state === 'waiting' || (this.#state === 'open' && this.#behind)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = ignore // a promise that is kept costs an idle client memory
    }
    return this.#state === 'open'
  }

  /** What Koa is handed where the stream does not go to the socket, past Koa. */
  get body(): BodySink {
    this.#body ??= new BodySink(this.#settings.maxBuffered, this)
    return this.#body
  }

  // What is said before the stream is open waits in the body.
  get #output(): Sink {
    this.#sink ??= this.body
    return this.#sink
  }

  /** Makes the stream the response of its request. */
  respond(): void {
    handOver(this.ctx, this.#settings.compress, this)
  }

  /** Sends so many encoded events, gathered by turns of the event loop. */
  send(text: string, events = 1): void {
    if (this.#state !== 'open') return
    this.events += events
    this.#gatherer.add(text)
  }

  /** Sends a range of a channel's log, which other connections send too. */
  sendRange({ chunks, count, text }: Range): void {
    if (this.#state !== 'open') return
    this.events += count
    this.#gatherer.flush()
    this.#wrote(this.#output.writeChunks(chunks, text))
  }

  /** Sends an encoded `stream-reset`. */
  sendReset(text: string, channel: string, reason: ResetReason): void {
    if (this.#state === 'open') this.#owner.hole(channel, reason)
    this.send(text)
  }

  /** Ends the stream after a last text. */
  end(text = ''): void {
    if (this.#state !== 'open') return
    if (text !== '') this.events += 1
    this.#gatherer.prepend(text)
    this.#gatherer.flush()
    this.#reason ??= 'ended'
    this.#finish('ended')
    this.#output.end()
  }

  /** Reports a failure to the app once, and ends the stream: as an HTTP error if the headers have not left, else without a word. */
  fail(error: unknown): void {
    const started = this.ctx.headerSent
    const open = this.#state === 'open'
    this.#reason ??= 'failed'
    this.#owner.failed(error)
    if (open && started) this.#gatherer.flush()
    if (open) this.#finish('ended')
    if (!started) this.#body?.unpipe()
    try {
      this.#report.call(this.ctx, error as Error)
    } finally {
      if (open && started) this.#output.end()
    }
  }

  /** Reports a failure to the app and ends the stream as one that began well: any status but 200 stops an EventSource for good. */
  abandon(error: unknown): void {
    const { app } = this.ctx
    this.#reason ??= 'failed'
    this.end()
    this.#owner.failed(error)
    app.emit('error', error, this.ctx)
  }

  /** Ends the stream from the server's side. Resolves when the response is closed. */
  close(reason: EndReason, closing: Closing = {}): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      this.#setClosed = resolve
      if (this.left || isClosed(this.ctx)) {
        resolve() // or another body has taken its place
      } else {
        this.#reason ??= reason
        this.#endWithin(CLOSE_GRACE, closing)
      }
    })
    return this.#closing
  }

  /** Breaks the silence; of a client that is behind and takes nothing for too long, for good. */
  beat(): void {
    const { keepAlive: silence, writeTimeout } = this.#settings
    const now = performance.now()
    if (!this.#behind && silence !== false) this.write(COMMENT)
    else if (this.#behind && writeTimeout !== false && now - this.#behindSince >= writeTimeout) this.#cutOff()
    this.lastWrite = now
  }

  #cutOff(): void {
    this.#reason ??= 'stalled'
    cut(this.ctx)
  }

  #endWithin(grace: number, { releasing = false, retry }: Closing): void {
    const timer = setTimeout(() => cut(this.ctx), grace)
    const closed = this.#setClosed
    this.#setClosed = () => {
      clearTimeout(timer)
      closed()
    }
    if (releasing) releaseWhenClosed(this.ctx)
    this.#sayLast(retry === undefined ? '' : encodeRetry(retry))
    if (this.#state !== 'ended') this.#output.end()
    this.#leave()
  }

  // A stream that has not opened yet is empty but for this.
  #sayLast(text: string): void {
    if (this.#state === 'waiting' && text !== '') this.#output.write(COMMENT + text)
    if (this.#state !== 'open') return
    this.#gatherer.prepend(text)
    this.#gatherer.flush()
  }

  /** Whether the response goes to the socket, past Koa. */
  takeOver(): boolean {
    if (!this.#unwound) this.#unwind()
    return this.#sink !== undefined && this.#sink !== this.#body
  }

  #unwind(): void {
    this.#unwound = true
    const { res } = this.ctx
    if (this.#state === 'waiting' && isUntouched(this.ctx, this.#body) && hasPlainSocket(res)) {
      this.#open(new SocketSink(res, this.#settings.maxBuffered, this))
    } else if (this.#body && this.#body.readableFlowing !== null) {
      this.#open(this.#body) // what wraps it reads it already
    }
  }

  /** The body is read. */
  wanted(): void {
    if (this.#unwound) this.#open(this.body)
    this.caughtUp()
  }

  /** Nobody reads the body any more. */
  destroyed(): void {
    this.#leave()
  }

  // The headers leave with the first event or at the end of this turn of the event loop, whichever comes first.
  #open(sink: Sink): void {
    if (this.#state !== 'waiting') return
    const { retry } = this.#settings
    const { req, res } = this.ctx
    if (!res.headersSent) res.removeHeader('Content-Length')
    if (!req.complete) setImmediate(() => discardBody(req))
    this.#state = 'open'
    this.#sink = sink
    this.#gatherer.prepend(retry === undefined ? COMMENT : COMMENT + encodeRetry(retry))
    this.lastWrite = performance.now()
    if (this.keepAlive < Number.POSITIVE_INFINITY) keepAlive(this)
    this.opened = Date.now()
    this.#owner.opened(this)
    this.#wake()
  }

  /** Sends text now. */
  write(text: string): void {
    this.#wrote(this.#output.write(text))
  }

  #wrote(keepsUp: boolean): void {
    this.lastWrite = performance.now()
    if (keepsUp) return
    if (!this.#behind) this.#behindSince = this.lastWrite
    this.#behind = true
  }

  /** The sink, or the body's reader, can take more. */
  caughtUp(): void {
    if (!this.#behind) return
    this.#behind = false
    this.#wake()
    this.#sender?.caughtUp?.()
  }

  #closed(): void {
    forget(this.ctx)
    this.#leave()
    this.#owner.closed(this, this.opened === 0 ? undefined : this.#reason)
    this.#setClosed()
  }

  #leave(): void {
    if (this.#state === 'ended' || this.#state === 'left') return
    this.#reason ??= 'left'
    this.#finish('left')
    this.#signal?.abort()
    this.#sender?.left()
  }

  #finish(state: 'ended' | 'left'): void {
    this.#state = state
    this.#gatherer.discard()
    release(this)
    this.#wake()
  }
}

// While a request's body waits to be read, Node does not notice that the client leaves.
function discardBody(req: Context['req']): void {
  if (req.readableFlowing === null) req.resume()
}
