import process from 'node:process'

const now = () => Number(process.hrtime.bigint())

/**
 * Publishes numbered messages. `window`: as fast as the clients take them, at most so many under way, `batch` of them in one turn
 * of the event loop. `rate`: so many a second, whether they are taken or not. `burst`: all in one turn.
 */
export class Schedule {
  #publish
  #sequences = new Map()
  #acknowledged = -1
  #published = 0
  #wake = () => {}

  constructor(publish) {
    this.#publish = publish
  }

  /** Resolves to the number published: once all have it, but for `rate` once the time is over. */
  async run({ mode, ...order }) {
    const before = this.#published
    const began = now()
    const ids = await this[mode]({ size: 200, batch: 1, channels: 1, ...order })
    return { published: this.#published - before, seconds: (now() - began) / 1e9, ...ids }
  }

  /** All clients have everything up to this number. */
  acknowledge(seq) {
    this.#acknowledged = seq
    this.#wake()
  }

  async window({ window, batch, size, ms = Number.POSITIVE_INFINITY, count = Number.POSITIVE_INFINITY }) {
    const end = now() + ms * 1e6
    const last = this.#published + count
    while (now() < end && this.#published < last) {
      if (this.#published - 1 - this.#acknowledged >= window) await this.#more()
      else await this.#send(batch, size)
    }
    await this.#taken()
  }

  async rate({ hz, size, ms, channels }) {
    const period = 1e9 / hz
    const end = now() + ms * 1e6
    let next = now()
    for (let time = next; time < end; time = now()) {
      for (; next <= time; next += period) this.#one(size, channels)
      await new Promise(resolve => setTimeout(resolve, (next - now()) / 1e6))
    }
  }

  async burst({ count, size }) {
    await this.#send(count, size)
    await this.#taken()
  }

  /** One after another; answers the id of the one that is `back` from the end. */
  async fill({ count, size, back }) {
    let id
    for (let n = 1; n <= count; n++) {
      const published = await this.#one(size, 1)
      if (n === count - back) id = published
    }
    return { id, next: this.#published - back }
  }

  async #send(count, size) {
    for (let n = 0; n < count; n++) this.#one(size, 1)
    await new Promise(resolve => setImmediate(resolve))
  }

  async #taken() {
    while (this.#acknowledged < this.#published - 1) await this.#more()
  }

  #more() {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  #one(size, channels) {
    const channel = this.#published % channels
    const seq = this.#sequences.get(channel) ?? 0
    this.#sequences.set(channel, seq + 1)
    this.#published += 1
    return this.#publish(message(seq, size), channel)
  }
}

const fillings = new Map()

// Its JSON has exactly so many bytes.
function message(seq, size) {
  const ts = now()
  const length = Math.max(0, size - 23 - String(seq).length - String(ts).length)
  if (!fillings.has(length)) fillings.set(length, 'x'.repeat(length))
  return { seq, ts, pad: fillings.get(length) }
}
