/** Text is written as soon as this much is gathered. */
const ENOUGH = 16_384

/** Where gathered text goes. */
export interface Outlet {
  write(text: string): void
}

/**
 * Joins the texts of one turn of the event loop: each write to a socket costs the same, however long it is.
 * The first text of a turn is written at once, what follows together, when there is enough of it or when the turn ends.
 */
export class Gatherer {
  readonly #outlet: Outlet
  #pending = ''
  #wroteThisTurn = false
  #turnEnd: NodeJS.Immediate | undefined

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Adds a text that can wait: it leaves with the next one, or when the turn ends. */
  prepend(text: string): void {
    this.#pending += text
    this.#turnEnd ??= setImmediate(Gatherer.#endTurn, this)
  }

  add(text: string): void {
    this.prepend(text)
    if (this.#wroteThisTurn && this.#pending.length < ENOUGH) return
    this.#wroteThisTurn = true
    this.flush()
  }

  /** Writes what is gathered, if anything is. */
  flush(): void {
    const text = this.#pending
    this.#pending = ''
    if (text !== '') this.#outlet.write(text)
  }

  /** Forgets what is gathered. */
  discard(): void {
    this.#pending = ''
    clearImmediate(this.#turnEnd)
  }

  // Static: a closure for each client would stay as long as it does.
  static #endTurn(gatherer: Gatherer): void {
    gatherer.#turnEnd = undefined
    gatherer.#wroteThisTurn = false
    gatherer.flush()
  }
}
