/** Text is written as soon as this much is gathered. */
const ENOUGH = 16_384

/**
 * Joins the texts of one turn of the event loop: each write to a socket costs the same, however long it is.
 * The first text of a turn is written at once, what follows together, when there is enough of it or when the turn ends.
 */
export class Gatherer {
  readonly #write: (text: string) => void
  #pending = ''
  #wroteThisTurn = false
  #turnEnd: NodeJS.Immediate | undefined

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** Adds a text that can wait: it leaves with the next one, or when the turn ends. */
  prepend(text: string): void {
    this.#pending += text
    this.#turnEnd ??= setImmediate(this.#endTurn)
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
    if (text !== '') this.#write(text)
  }

  /** Forgets what is gathered. */
  discard(): void {
    this.#pending = ''
    clearImmediate(this.#turnEnd)
  }

  readonly #endTurn = () => {
    this.#turnEnd = undefined
    this.#wroteThisTurn = false
    this.flush()
  }
}
