import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { closeWithClient } from './closing.js'

/** Where the text of a connection goes. */
export interface Sink {
  /** Sends text. False when the client is behind: nothing more should be written until it has caught up. */
  write(text: string): boolean
  /** The same for text that is framed as HTTP/1.1 chunks already. */
  writeChunks(chunks: Buffer, text: () => string): boolean
  /** Ends the response after all that was written. */
  end(): void
  /** Bytes that were written. */
  readonly bytes: number
  /** Bytes that wait for the client to read. */
  readonly held: number
}

/** Who sends through a sink. */
export interface SinkOwner {
  /** All that was written has left. */
  caughtUp(): void
}

type Flushed = (error?: Error | null) => void

/** Whether a response's bytes may go straight to its socket: HTTP/1.1, in chunks, and nobody between us and the socket. */
export function hasPlainSocket(res: ServerResponse): boolean {
  const { req, socket } = res
  const patched = res.write !== ServerResponse.prototype.write || res.end !== ServerResponse.prototype.end
  return !patched && socket !== null && socket.writable && req.httpVersion === '1.1' && !res.headersSent
}

/**
 * Writes HTTP/1.1 chunks to the response's socket, which costs a quarter less than `res.write`.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-7.1
 */
export class SocketSink implements Sink {
  readonly #res: ServerResponse
  readonly #socket: Socket
  readonly #maxBuffered: number
  readonly #owner: SinkOwner
  bytes = 0

  constructor(res: ServerResponse, maxBuffered: number, owner: SinkOwner) {
    this.#res = res
    this.#socket = res.socket as Socket
    this.#maxBuffered = maxBuffered
    this.#owner = owner
  }

  get held(): number {
    return this.#socket.writableLength
  }

  write(text: string): boolean {
    // The client has half closed, and Node has ended our side: 'close' follows once the client has read what is left.
    if (!this.#socket.writable) return false
    const length = Buffer.byteLength(text)
    const chunk = `${length.toString(16)}\r\n${text}\r\n`
    this.bytes += chunk.length - text.length + length
    const full = this.#socket.writableLength + chunk.length >= this.#maxBuffered
    const flushed = full ? this.#tellOwner() : undefined
    if (this.#res.headersSent) this.#socket.write(chunk, 'utf8', flushed)
    else this.#writeWithHeaders(chunk, flushed)
    return !full
  }

  writeChunks(chunks: Buffer): boolean {
    if (!this.#socket.writable) return false
    this.bytes += chunks.length
    const full = this.#socket.writableLength + chunks.length >= this.#maxBuffered
    this.#socket.write(chunks, full ? this.#tellOwner() : undefined)
    return !full
  }

  // The last chunk is the response's own to write: it then frees the socket for the next request.
  end(): void {
    this.#res.end()
  }

  // An error here is the client's leaving, which the response's 'close' tells.
  #tellOwner(): Flushed {
    return error => {
      if (!error) this.#owner.caughtUp()
    }
  }

  #writeWithHeaders(chunk: string, flushed: Flushed | undefined): void {
    closeWithClient(this.#socket, this.#res.req)
    this.#res.setHeader('Transfer-Encoding', 'chunked') // lost if a middleware has ever set an empty body
    this.#socket.cork()
    this.#res.flushHeaders()
    this.#socket.write(chunk, 'utf8', flushed)
    this.#socket.uncork()
  }
}

/** What a body tells its connection. */
export interface BodyOwner {
  /** The reader wants more. */
  wanted(): void
  /** Nobody will read any more. */
  destroyed(): void
}

/** The body that Koa is handed. Text goes through it where a middleware has wrapped it, and wherever the socket is not plain. */
export class BodySink extends Readable implements Sink {
  readonly #owner: BodyOwner
  bytes = 0

  constructor(maxBuffered: number, owner: BodyOwner) {
    super({ highWaterMark: maxBuffered })
    this.#owner = owner
  }

  get held(): number {
    return this.readableLength
  }

  write(text: string): boolean {
    this.bytes += Buffer.byteLength(text)
    return this.push(text)
  }

  writeChunks(_chunks: Buffer, text: () => string): boolean {
    return this.write(text())
  }

  end(): void {
    this.push(null)
  }

  override _read(): void {
    this.#owner.wanted()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#owner.destroyed()
    callback(error)
  }
}
