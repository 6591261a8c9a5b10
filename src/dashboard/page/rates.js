/** How long a rate looks back, in milliseconds: one second's alone would flicker. */
const WINDOW = 5_000

/** Rates of counters that are named: of those only that were there the last time. */
export class Rates {
  #points = new Map()

  note(at, counters) {
    const points = counters.map(({ name, events }) => {
      const known = (this.#points.get(name) ?? []).filter(
        point => point.at > at - WINDOW - 500 && point.events <= events,
      )
      return [name, [...known, { at, events }]]
    })
    this.#points = new Map(points)
  }

  /** Events a second; undefined until there are two points. */
  of(name) {
    const [first, ...others] = this.#points.get(name) ?? []
    const last = others.at(-1)
    return last && last.at > first.at ? ((last.events - first.events) * 1_000) / (last.at - first.at) : undefined
  }
}
