const LF = 10
const CR = 13
const SPACE = 32
const COMMA = 44
const COLON = 58
const D = 100
const S = 115
const T = 116
const BRACE = 125

// Data lines are as long as the one before, nearly always: then their end need not be searched for.
let dataLength = 0

/** Reads the events of one stream from its bytes, with no text made of them: this is what bounds the client. */
export class EventReader {
  #tally
  #connection
  #tail
  #hasData = false
  #seq = -1
  #ts = 0

  constructor(tally, connection) {
    this.#tally = tally
    this.#connection = connection
  }

  /** The next bytes of the stream: `data` from one index to another. */
  read(data, from, to) {
    let at = from
    if (this.#tail) at = this.#finishTail(data, from, to)
    while (at < to) {
      const end = lineEnd(data, at, to)
      if (end < 0) {
        this.#tail = Buffer.from(data.subarray(at, to)) // a copy: the bytes are overwritten by the next read
        return
      }
      this.#line(data, at, end)
      at = end + 1
    }
  }

  #finishTail(data, from, to) {
    const end = searchEnd(data, from, to)
    const line = Buffer.concat([this.#tail, data.subarray(from, end < 0 ? to : end)])
    this.#tail = end < 0 ? line : undefined
    if (end < 0) return to
    this.#line(line, 0, line.length)
    return end + 1
  }

  #line(data, from, end) {
    const to = data[end - 1] === CR ? end - 1 : end
    if (to <= from) this.#dispatch()
    else if (data[from] === D && data[from + 4] === COLON)
      this.#data(data, data[from + 5] === SPACE ? from + 6 : from + 5)
    else if (data[from] === COLON) this.#tally.comments += 1
  }

  // {"seq":12,"ts":34,…
  #data(data, from) {
    this.#hasData = true
    this.#seq = -1
    this.#ts = 0
    if (data[from + 2] !== S || data[from + 6] !== COLON) return
    let at = from + 7
    let seq = 0
    for (let byte = data[at]; byte >= 48 && byte < 58; byte = data[++at]) seq = seq * 10 + byte - 48
    this.#seq = seq
    if (data[at] !== COMMA || data[at + 2] !== T) return
    let ts = 0
    at += 6
    for (let byte = data[at]; byte >= 48 && byte < 58; byte = data[++at]) ts = ts * 10 + byte - 48
    this.#ts = ts
  }

  #dispatch() {
    if (!this.#hasData) return
    this.#hasData = false
    if (this.#seq < 0) this.#tally.others += 1
    else this.#tally.event(this.#connection, this.#seq, this.#ts)
  }
}

function lineEnd(data, from, to) {
  if (data[from] !== D) {
    for (let at = from; at < to; at++) if (data[at] === LF) return at
    return -1
  }
  const expected = from + dataLength
  if (expected < to && data[expected] === LF && data[expected - 1] === BRACE) return expected
  const end = searchEnd(data, from, to)
  if (end > 0) dataLength = end - from
  return end
}

function searchEnd(data, from, to) {
  const end = data.indexOf(LF, from)
  return end < to ? end : -1
}
