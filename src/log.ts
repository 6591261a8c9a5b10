import { COMMENT, encodeEvent } from './encoder.js'
import type { Message } from './event.js'
import type { Entry } from './plugin.js'
import { idOf, isSamePosition, type Position } from './position.js'

/** Bytes of a log from one entry to another, as they go to a socket. */
export interface Range {
  /** HTTP/1.1 chunks, one an entry. */
  readonly chunks: Buffer
  /** How many entries. */
  readonly count: number
  /** Where the range ends in the log. */
  readonly end: number
  /** The position of its last entry. */
  readonly last: Position
  /** The event type of its last entry. */
  readonly lastEvent: string | undefined
  /** The same without the framing of the chunks. To be called before the log goes on, as `entries`. */
  text(): string
  entries(): Entry[]
}

/** Bytes of a segment: small at first, for channels of little traffic. No range is longer, but for a single long entry. */
const SMALLEST = 2_048
const LARGEST = 65_536

interface Segment {
  readonly start: number
  readonly buffer: Buffer
  used: number
}

interface Line {
  readonly position: Position
  readonly entry: Entry | undefined
  readonly text: string
  readonly start: number
}

/**
 * The newest entries of a channel, encoded once for all clients. Places in it are counted in bytes from the beginning of the
 * channel; a client's cursor is such a place. What has been appended never changes, so any range can be shared.
 */
export class Log {
  readonly #maxBytes: number
  #lines: Line[] = []
  #segments: Segment[] = []
  #base: Position
  #start = 0
  #end = 0
  #appended = 0
  #last: (Range & { from: number }) | undefined

  constructor(base: Position, maxBytes: number) {
    this.#base = base
    this.#maxBytes = maxBytes
  }

  /** Where the oldest entry begins that is still held. */
  get start(): number {
    return this.#start
  }

  /** Where the newest entry ends. */
  get end(): number {
    return this.#end
  }

  /** How many entries were ever appended. */
  get appended(): number {
    return this.#appended
  }

  /** Where the newest entry begins that has a message. */
  get newest(): number {
    return this.#lines.findLast(({ entry }) => entry)?.start ?? this.#end
  }

  /** The position of the newest entry. */
  get top(): Position {
    return this.#lines.at(-1)?.position ?? this.#base
  }

  /** Appends an entry; one without a message takes its place and says nothing. */
  append({ position, message }: { position: Position; message: Message | undefined }): void {
    const entry = message && { position, message }
    const text = entry ? wireText(entry) : COMMENT
    const length = Buffer.byteLength(text)
    const chunk = `${length.toString(16)}\r\n${text}\r\n`
    const size = chunk.length - text.length + length
    const segment = this.#room(size)
    segment.used += segment.buffer.write(chunk, segment.used)
    this.#lines.push({ position, entry, text, start: this.#end })
    this.#end += size
    this.#appended += 1
    if (this.#end - this.#start > this.#maxBytes) this.#trim()
  }

  /** Forgets all and goes on from a position that does not follow. Cursors from before are then behind the log's start. */
  restart(base: Position): void {
    this.#base = base
    this.#lines = []
    this.#segments = []
    this.#end += 1 // so that no cursor from before stands in the log
    this.#start = this.#end
  }

  /** What follows a place, up to the end of its segment. Undefined at the end. */
  rangeFrom(place: number): Range | undefined {
    if (place === this.#end) return undefined
    const segment = this.#segments.findLast(({ start }) => start <= place) as Segment
    const end = segment.start + segment.used
    if (this.#last?.from === place && this.#last.end === end) return this.#last
    const chunks = segment.buffer.subarray(place - segment.start, segment.used)
    const after = this.#lineAt(end)
    const { position: last, entry: newest } = this.#lines[after - 1] as Line
    const count = after - this.#lineAt(place)
    const lines = () => this.#lines.slice(this.#lineAt(place), this.#lineAt(end))
    const text = () =>
      lines()
        .map(line => line.text)
        .join('')
    const entries = () => lines().flatMap(line => line.entry ?? [])
    this.#last = { from: place, chunks, count, end, last, lastEvent: newest?.message.event, text, entries }
    return this.#last
  }

  /** The place after a position, if the log still holds what follows it. */
  placeAfter(position: Position): number | undefined {
    if (isSamePosition(position, this.top)) return this.#end
    const index = position.offset - (this.#lines[0]?.position.offset ?? 0)
    const line = this.#lines[index]
    if (line && isSamePosition(line.position, position)) return this.#lines[index + 1]?.start ?? this.#end
    return this.#lines.length > 0 && isSamePosition(position, this.#base) ? this.#start : undefined
  }

  /** Whether an entry has been appended already. */
  has(position: Position): boolean {
    return this.placeAfter(position) !== undefined
  }

  #room(size: number): Segment {
    const newest = this.#segments.at(-1)
    if (newest && newest.used + size <= newest.buffer.length) return newest
    const length = Math.min(LARGEST, Math.ceil(this.#maxBytes / 8), newest ? newest.buffer.length * 2 : SMALLEST)
    const segment = { start: this.#end, buffer: Buffer.allocUnsafeSlow(Math.max(length, size)), used: 0 }
    this.#segments.push(segment)
    return segment
  }

  // By whole segments: a range that is cut from a segment keeps all of it alive anyway.
  #trim(): void {
    while (this.#segments.length > 1 && this.#end - this.#start > this.#maxBytes) {
      this.#segments.shift()
      this.#start = (this.#segments[0] as Segment).start
    }
    const kept = this.#lineAt(this.#start)
    const [dropped] = this.#lines.splice(0, kept).slice(-1)
    if (dropped) this.#base = dropped.position
  }

  // The line that starts at a place, by halving.
  #lineAt(place: number): number {
    let low = 0
    let high = this.#lines.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lines[middle] as Line).start < place) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** An entry's text on the wire: its id is its publisher's, else its position. */
export function wireText({ position, message }: Entry): string {
  return encodeEvent({ ...message, id: message.id ?? idOf(position) })
}
