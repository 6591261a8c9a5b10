import { performance } from 'node:perf_hooks'
import type { Context } from 'koa'
import { COMMENT, encodeRetry } from './encoder.js'
import { handOver, isUntouched } from './handover.js'
import { type Idler, keepAlive, release } from './keep-alive.js'
import { BodySink, hasPlainSocket, type Sink, SocketSink } from './sink.js'

/** How a connection behaves. */
export interface ConnectionSettings {
  /** Longest silence before a keep-alive comment, in milliseconds; false for none. */
  readonly keepAlive: number | false
  /** The client's reconnection time, in milliseconds. */
  readonly retry: number | undefined
  /** Bytes that may wait for a client that does not read. */
  readonly maxBuffered: number
  /** Whether middleware may compress the stream. */
  readonly compress: boolean
}

/** Text gathered in a turn of the event loop is written as soon as it is this long. */
const GATHER = 16_384

/** How long a client may take to read the rest when the server closes its stream, in milliseconds. */
const CLOSE_GRACE = 1_000

const ignore = () => {}

/**
 * One event stream, from its request to its end.
 *
 * It opens when all middleware has unwound: what they still add to the response, or an error that they throw, counts.
 */
export class Connection implements Idler {
  readonly keepAlive: number
  lastWrite = 0

  readonly #ctx: Context
  readonly #settings: ConnectionSettings
  readonly #report: Context['onerror']
  readonly #abort = new AbortController()
  readonly #body: BodySink
  #sink: Sink
  #state: 'waiting' | 'open' | 'over' = 'waiting'
  #unwound = false
  #pending = ''
  #gathering = false
  #behind = false
  #turnEnd: NodeJS.Immediate | undefined
  #wake = ignore

  /** @param closed Called once, when the response is closed. */
  constructor(ctx: Context, settings: ConnectionSettings, closed: () => void) {
    this.#ctx = ctx
    this.#settings = settings
    this.#report = ctx.onerror
    this.keepAlive = settings.keepAlive || 0
    this.#body = new BodySink(settings.maxBuffered, { wanted: () => this.#wanted(), destroyed: () => this.#leave() })
    this.#sink = this.#body
    ctx.res.once('close', () => {
      this.#leave()
      closed()
    })
  }

  /** Aborted when the stream is over before its source is: the client has left, or the server has closed it. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Whether the source may send now; `ready()` tells when it may again. */
  get writable(): boolean {
    return this.#state === 'open' && !this.#behind
  }

  /** Resolves to true once the stream is open and its client keeps up, to false once it is over. One caller at a time. */
  async ready(): Promise<boolean> {
    while (this.#state !== 'over' && !this.writable) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.#state !== 'over'
  }

  /** Makes the stream the response of its request. */
  respond(): void {
    handOver(this.#ctx, this.#body, this.#settings.compress, () => this.#takeOver())
  }

  /** Sends encoded events: the first in a turn of the event loop at once, what follows in the turn together. */
  send(text: string): void {
    if (this.#state !== 'open') return
    this.#pending += text
    if (!this.#gathering) {
      this.#flush()
      this.#gathering = true
      this.#turnEnd ??= setImmediate(this.#endTurn)
    } else if (this.#pending.length >= GATHER) this.#flush()
  }

  /** Ends the stream after a last text. */
  end(text = ''): void {
    if (this.#state !== 'open') return
    this.#pending += text
    this.#flush()
    this.#finish()
    this.#sink.end()
  }

  /** Reports the source's failure to the app, and ends the stream: with an HTTP error if the headers have not left yet. */
  fail(error: unknown): void {
    const open = this.#state === 'open'
    const headerSent = this.#ctx.headerSent
    if (open && headerSent && this.#pending !== '') this.#flush()
    this.#finish()
    if (!headerSent) this.#body.unpipe()
    this.#report.call(this.#ctx, error as Error)
    if (open && headerSent) this.#sink.end()
  }

  /** Ends the stream from the server's side and lets go of its socket. Resolves when the response is closed. */
  async close(): Promise<void> {
    const { req, res } = this.#ctx
    if (res.closed || res.destroyed) return
    const closed = new Promise(resolve => res.once('close', resolve))
    const grace = setTimeout(() => res.destroy(), CLOSE_GRACE)
    res.once('finish', () => releaseSocket(req))
    if (this.#state === 'waiting') this.#body.end()
    this.end()
    this.#leave()
    await closed
    clearTimeout(grace)
  }

  /** Breaks the silence, unless the client is behind and has enough to read. */
  beat(): void {
    if (this.#behind) return
    this.#pending += COMMENT
    this.#flush()
  }

  #takeOver(): boolean {
    this.#unwound = true
    const { res } = this.#ctx
    const takes = this.#state === 'waiting' && isUntouched(this.#ctx, this.#body) && hasPlainSocket(res)
    if (takes) this.#open(new SocketSink(res, this.#settings.maxBuffered, () => this.#caughtUp()))
    else if (this.#body.readableFlowing !== null) this.#open(this.#body) // a wrapper reads it already
    return takes
  }

  #wanted(): void {
    if (this.#state === 'waiting' && this.#unwound) this.#open(this.#body)
    else this.#caughtUp()
  }

  // The headers leave with the first event or at the end of this turn of the event loop, whichever is first.
  #open(sink: Sink): void {
    if (this.#state !== 'waiting') return
    const { retry, keepAlive: silence } = this.#settings
    this.#state = 'open'
    this.#sink = sink
    this.#pending = retry === undefined ? COMMENT : COMMENT + encodeRetry(retry)
    this.#turnEnd = setImmediate(this.#endTurn)
    this.lastWrite = performance.now()
    if (silence !== false) keepAlive(this)
    this.#wake()
  }

  readonly #endTurn = () => {
    this.#turnEnd = undefined
    this.#gathering = false
    if (this.#pending !== '') this.#flush()
  }

  #flush(): void {
    const text = this.#pending
    this.#pending = ''
    this.lastWrite = performance.now()
    if (!this.#sink.write(text)) this.#behind = true
  }

  #caughtUp(): void {
    if (!this.#behind) return
    this.#behind = false
    this.#wake()
  }

  #finish(): void {
    this.#state = 'over'
    clearImmediate(this.#turnEnd)
    release(this)
    this.#wake()
  }

  #leave(): void {
    if (this.#state === 'over') return
    this.#finish()
    this.#abort.abort()
  }
}

// An idle connection would make server.close() wait until the client closes it.
function releaseSocket(req: Context['req']): void {
  const { stream } = req as { stream?: { session?: { close(): void } } }
  if (stream) stream.session?.close()
  else req.socket.destroySoon()
}
