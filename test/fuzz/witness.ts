import { once } from 'node:events'
import net from 'node:net'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { STAYS } from './app.js'

/** A client that reads one stream all along, apart from the inputs that are tried meanwhile. */
export class Witness {
  readonly #socket: net.Socket
  isOver = false

  private constructor(socket: net.Socket, received: (event: EventSourceMessage) => void) {
    this.#socket = socket
    const parser = createParser({ onEvent: received })
    const unframed = new Unframed(text => parser.feed(text))
    socket.on('data', (bytes: Buffer) => unframed.add(bytes))
    socket.on('close', () => {
      this.isOver = true
    })
    socket.on('error', () => {})
  }

  /** Resolves once the stream has begun. */
  static async open(
    port: number,
    path: string,
    received: (event: EventSourceMessage) => void,
    headers: readonly string[] = [],
  ): Promise<Witness> {
    const socket = net.connect(port, '127.0.0.1')
    const witness = new Witness(socket, received)
    socket.write([`GET ${path} HTTP/1.1`, 'Host: x', `${STAYS}: yes`, ...headers, '\r\n'].join('\r\n'))
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
    return witness
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** The text within chunks, as far as it has come. */
class Unframed {
  readonly #received: (text: string) => void
  readonly #decoder = new TextDecoder()
  #rest = Buffer.alloc(0)
  #isHead = true

  constructor(received: (text: string) => void) {
    this.#received = received
  }

  add(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const headEnd = this.#isHead ? this.#rest.indexOf('\r\n\r\n') : -4
    if (this.#isHead && headEnd < 0) return
    if (this.#isHead) this.#rest = this.#rest.subarray(headEnd + 4)
    this.#isHead = false
    while (this.#takeChunk()) {}
  }

  #takeChunk(): boolean {
    const lineEnd = this.#rest.indexOf('\r\n')
    const end = lineEnd + 2 + Number.parseInt(this.#rest.toString('latin1', 0, Math.max(lineEnd, 0)), 16)
    if (lineEnd < 0 || !(this.#rest.length >= end + 2)) return false
    this.#received(this.#decoder.decode(this.#rest.subarray(lineEnd + 2, end), { stream: true }))
    this.#rest = this.#rest.subarray(end + 2)
    return true
  }
}
