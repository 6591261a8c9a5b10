const STEPS = 64

/** Counts of whole numbers below 2^32, exact within 1/64 of each. */
export class Histogram {
  #counts = new Uint32Array(28 * STEPS)
  #total = 0

  add(value) {
    this.#counts[bucketOf(value)] += 1
    this.#total += 1
  }

  get total() {
    return this.#total
  }

  /** The number below which such a part of all lies; undefined of none. */
  quantile(part) {
    if (this.#total === 0) return undefined
    const rank = Math.floor(part * (this.#total - 1))
    let below = 0
    const bucket = this.#counts.findIndex(count => {
      below += count
      return below > rank
    })
    return middleOf(bucket)
  }
}

function bucketOf(value) {
  if (value < STEPS) return value
  const power = 31 - Math.clz32(value)
  return (power - 5) * STEPS + ((value >>> (power - 6)) & (STEPS - 1))
}

function middleOf(bucket) {
  if (bucket < STEPS) return bucket
  const power = Math.floor(bucket / STEPS) + 5
  return 2 ** power + ((bucket % STEPS) + 0.5) * 2 ** (power - 6)
}
