/** Text is written as soon as this much is gathered. */
const ENOUGH = 16_384

/** Where gathered text goes. */
export interface Outlet {
  /** Whether a write runs no code but Node's: it then cannot throw, and is the same in any async context. */
  readonly isPlain: boolean
  write(text: string): void
}

// One for all: an immediate for each costs as much as the rest of what is done here.
let waiting: Gatherer[] = []

function endTurn(): void {
  const gatherers = waiting
  waiting = []
  for (const gatherer of gatherers) gatherer.endTurn()
}

/**
 * Joins the texts of one turn of the event loop: each write to a socket costs the same, however long it is.
 * The first text of a turn is written at once, what follows together, when there is enough of it or when the turn ends.
 */
export class Gatherer {
  readonly #outlet: Outlet
  #pending = ''
  #wroteThisTurn = false
  #isWaiting = false

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Adds a text that can wait: it leaves with the next one, or when the turn ends. */
  prepend(text: string): void {
    this.#pending += text
    if (this.#isWaiting) return
    this.#isWaiting = true
    if (!this.#outlet.isPlain) setImmediate(() => this.endTurn())
    else if (waiting.push(this) === 1) setImmediate(endTurn)
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
  }

  /** The turn ends. */
  endTurn(): void {
    this.#isWaiting = false
    this.#wroteThisTurn = false
    this.flush()
  }
}
