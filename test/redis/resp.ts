/** Cuts a stream of RESP2 or RESP3 into frames: complete replies, pushes or commands. It decodes no more than lengths. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0)
  /** Where in `#rest` the scan goes on. */
  #at = 0
  /** How many values are still to come before the frame at the start of `#rest` ends. */
  #missing = 1

  /**
   * Takes the next chunk and returns the frames that it completes. A frame keeps all its bytes.
   * @throws {RangeError} where no value begins: the stream is no RESP.
   */
  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const frames: Buffer[] = []
    while (this.#skipValue()) {
      if (this.#missing > 0) continue
      frames.push(this.#rest.subarray(0, this.#at))
      this.#rest = this.#rest.subarray(this.#at)
      this.#at = 0
      this.#missing = 1
    }
    return frames
  }

  /** What has come of the frame that is not complete yet. */
  get rest(): Buffer {
    return this.#rest
  }

  #skipValue(): boolean {
    if (this.#at >= this.#rest.length) return false
    const size = sizeOf(this.#rest[this.#at] as number)
    const lineEnd = this.#rest.indexOf('\r\n', this.#at)
    if (lineEnd < 0) return false
    const { bytes, values } = size(Number.parseInt(this.#rest.toString('latin1', this.#at + 1, lineEnd), 10))
    const end = lineEnd + 2 + bytes
    if (Number.isNaN(end + values)) throw new RangeError('A value has no length')
    if (end > this.#rest.length) return false
    this.#at = end
    this.#missing += values - 1
    return true
  }
}

/** What follows a value's first line: so many bytes, so many values that belong to it. */
type Size = (length: number) => { bytes: number; values: number }

// A length of -1 is RESP2's null.
const line: Size = () => ({ bytes: 0, values: 0 })
const blob: Size = length => ({ bytes: length < 0 ? 0 : length + 2, values: 0 })
const list: Size = length => ({ bytes: 0, values: Math.max(length, 0) })
const map: Size = length => ({ bytes: 0, values: 2 * Math.max(length, 0) })
// Attributes come before a value and do not stand for it.
const attributes: Size = length => ({ bytes: 0, values: 2 * length + 1 })

const sizes: Record<string, Size> = {
  ...Object.fromEntries([...'+-:_#,('].map(type => [type, line])),
  ...Object.fromEntries([...'$!='].map(type => [type, blob])),
  ...Object.fromEntries([...'*~>'].map(type => [type, list])),
  '%': map,
  '|': attributes,
}

function sizeOf(byte: number): Size {
  const size = sizes[String.fromCharCode(byte)]
  if (size === undefined) throw new RangeError(`No RESP value begins with the byte ${byte}`)
  return size
}

/** A message of a Pub/Sub channel. */
export interface Message {
  channel: string
  payload: Buffer
}

/** Reads a frame that delivers a message: a push of RESP3 or, if `resp2`, an array. */
export function messageOf(frame: Buffer, resp2: boolean): Message | undefined {
  const head = /^([>*])3\r\n\$[78]\r\ns?message\r\n/.exec(frame.toString('latin1', 0, 24))
  if (head === null || (head[1] === '*' && !resp2)) return undefined
  const channel = blobAt(frame, head[0].length)
  const payload = blobAt(frame, channel.end)
  return { channel: channel.bytes.toString(), payload: payload.bytes }
}

function blobAt(frame: Buffer, at: number): { bytes: Buffer; end: number } {
  const start = frame.indexOf('\r\n', at) + 2
  const length = Number(frame.toString('latin1', at + 1, start - 2))
  return { bytes: frame.subarray(start, start + length), end: start + length + 2 }
}

/** The name of the command that a client's frame holds, in lower case. */
export function commandOf(frame: Buffer): string | undefined {
  return /^\*\d+\r\n\$\d+\r\n(\w+)\r\n/.exec(frame.toString('latin1', 0, 40))?.[1]?.toLowerCase()
}
