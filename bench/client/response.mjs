import { EventReader } from './events.mjs'

const CR = 13
const LF = 10
const END_OF_HEAD = '\r\n\r\n'

/** Reads one HTTP/1.1 response: its head, and a body that is chunked or lasts until the connection ends. Throws where a frame is wrong. */
export class Response {
  /** Whether the body has begun. */
  open = false
  /** Whether the body has come to its end. */
  ended = false
  #head = Buffer.alloc(0)
  #chunked = false
  #events
  #expect = 'size'
  #size = 0
  #digits = 0
  #left = 0

  constructor(tally, connection) {
    this.#events = new EventReader(tally, connection)
  }

  read(data, to) {
    if (this.open) this.#body(data, 0, to)
    else this.#readHead(data.subarray(0, to))
  }

  #readHead(data) {
    this.#head = Buffer.concat([this.#head, data])
    const end = this.#head.indexOf(END_OF_HEAD)
    if (end < 0) return
    const head = this.#head.toString('latin1', 0, end)
    if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`Refused: ${head.split('\r\n')[0]}`)
    this.#chunked = /\r\ntransfer-encoding: *chunked/i.test(head)
    this.open = true
    this.#body(this.#head, end + END_OF_HEAD.length, this.#head.length)
    this.#head = undefined
  }

  #body(data, from, to) {
    if (!this.#chunked) this.#events.read(data, from, to)
    else for (let at = from; at < to; ) at = this.#left > 0 ? this.#chunk(data, at, to) : this.#frame(data[at], at)
  }

  #chunk(data, from, to) {
    const end = Math.min(to, from + this.#left)
    this.#events.read(data, from, end)
    this.#left -= end - from
    return end
  }

  // One byte of what is around the data of chunks.
  #frame(byte, at) {
    const digit = this.#expect === 'size' ? hexDigit(byte) : -1
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit
      this.#digits += 1
    } else if (this.#expect === 'size' && this.#digits > 0 && byte === CR) this.#expect = 'line feed'
    else if (this.#expect === 'line feed' && byte === LF) this.#begin()
    else if (this.#expect === 'end of data' && byte === CR) this.#expect = 'end of chunk'
    else if (this.#expect === 'end of chunk' && byte === LF) this.#finish()
    else throw new Error(`A byte ${byte} where a chunk has its ${this.#expect}`)
    return at + 1
  }

  #begin() {
    this.#left = this.#size
    this.#expect = 'end of data'
  }

  #finish() {
    if (this.#size === 0) this.ended = true
    this.#expect = this.#size === 0 ? 'nothing more' : 'size'
    this.#size = 0
    this.#digits = 0
  }
}

function hexDigit(byte) {
  if (byte >= 48 && byte < 58) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower < 103 ? lower - 87 : -1
}
