/** Milliseconds that a plot shows. */
export const SHOWN = 300_000

/** The samples of the last five minutes, oldest first. */
export class Series {
  samples = []

  get latest() {
    return this.samples.at(-1)
  }

  /** Adds samples, of which some may be there already. */
  add(more) {
    const known = new Map([...more, ...this.samples].map(sample => [sample.at, sample]))
    const sorted = [...known.values()].sort((a, b) => a.at - b.at)
    const since = (sorted.at(-1)?.at ?? 0) - SHOWN
    this.samples = sorted.filter(({ at }) => at >= since)
  }

  /** The sample of so many seconds ago, if there is one. */
  ago(seconds) {
    if (seconds === undefined || this.latest === undefined) return this.latest
    const at = this.latest.at - seconds * 1_000
    const nearest = this.samples.reduce((best, sample) =>
      Math.abs(sample.at - at) < Math.abs(best.at - at) ? sample : best,
    )
    return Math.abs(nearest.at - at) <= 1_500 ? nearest : undefined
  }
}
