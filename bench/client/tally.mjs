import process from 'node:process'
import { Histogram } from './histogram.mjs'

const RING = 1 << 20

/** The clock that servers write into their messages: nanoseconds. */
export function clock() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}

/** What all connections of this client have seen, and how far the slowest of them is. */
export class Tally {
  /** When what is read now was read. */
  now = 0
  /** Every connection has everything up to this number. */
  low = -1
  #readers
  #having = new Uint32Array(RING)

  /** `readers`: connections that follow one sequence; 0 where each follows another. */
  constructor(readers) {
    this.#readers = readers
    this.reset()
  }

  /** Begins to count anew. Errors are counted from the start. */
  reset() {
    this.events = 0
    this.others = 0
    this.comments = 0
    this.bytes = 0
    this.churned = 0
    this.waits = new Histogram()
    this.began = clock()
    this.last = this.began
    this.cpu = process.cpuUsage()
  }

  gaps = 0
  doubles = 0
  broken = 0
  refused = 0

  /** A connection that expects number `next` got one. */
  event(connection, seq, ts) {
    this.events += 1
    this.last = this.now
    const { next } = connection
    if (seq < next) {
      this.doubles += 1
      return
    }
    this.gaps += seq - next
    connection.next = seq + 1
    if (this.#readers > 0) for (let n = next; n <= seq; n++) this.#has(n, ts)
    else if (ts > 0) this.waits.add((this.now - ts) / 1_000)
  }

  // Of each message the wait is taken that its last reader had.
  #has(seq, ts) {
    const place = seq % RING
    this.#having[place] += 1
    if (this.#having[place] < this.#readers) return
    this.#having[place] = 0
    this.low = seq
    if (ts > 0) this.waits.add(Math.max(0, this.now - ts) / 1_000)
  }

  report() {
    const { user, system } = process.cpuUsage(this.cpu)
    const { events, others, comments, bytes, churned, gaps, doubles, broken, refused, waits } = this
    return {
      ...{ events, others, comments, bytes, churned, gaps, doubles, broken, refused },
      seconds: (clock() - this.began) / 1e9,
      active: (this.last - this.began) / 1e9,
      cpu: (user + system) / 1e6,
      messages: waits.total,
      p50: waits.quantile(0.5),
      p99: waits.quantile(0.99),
    }
  }
}
