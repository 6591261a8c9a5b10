import { find, say } from './dom.js'
import { clock } from './format.js'

/** Milliseconds without a snapshot after which the page says so, and until a stream that was refused is asked for again. */
const QUIET = 4_000
const AGAIN = 3_000

/** The stream that feeds the page, and the words about it. A hidden page lets go of it. */
export class Feed {
  #query = {}
  #onSnapshot
  #onHistory
  #source
  #latest
  #quietTimer
  #againTimer
  #link = find('#link')

  constructor(onSnapshot, onHistory) {
    this.#onSnapshot = onSnapshot
    this.#onHistory = onHistory
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#close() : this.#open()))
    if (!document.hidden) this.#open()
  }

  /** Asks for other rows from now on. */
  ask(query) {
    this.#query = { ...this.#query, ...query }
    if (!document.hidden) this.#open()
  }

  #open() {
    this.#close()
    const source = new EventSource(`feed?${new URLSearchParams(this.#query)}`)
    this.#source = source
    source.addEventListener('open', () => this.#loadHistory())
    let isFirst = true
    source.addEventListener('snapshot', ({ data }) => {
      this.#receive({ ...JSON.parse(data), isFirst })
      isFirst = false
    })
    source.addEventListener('error', () => {
      this.#state('reconnecting', 'Reconnecting')
      if (source.readyState === EventSource.CLOSED) this.#refused()
    })
  }

  #close() {
    this.#source?.close()
    clearTimeout(this.#quietTimer)
    clearTimeout(this.#againTimer)
  }

  #receive(snapshot) {
    this.#latest = snapshot.sample.at
    this.#state('live', 'Live')
    clearTimeout(this.#quietTimer)
    this.#quietTimer = setTimeout(() => this.#state('quiet', 'No figures come'), QUIET)
    this.#onSnapshot(snapshot)
  }

  async #loadHistory() {
    try {
      const response = await fetch('history')
      if (response.ok) this.#onHistory(await response.json())
    } catch {
      // The connection is lost again: the stream tells that too.
    }
  }

  // An EventSource gives up on any status but 200, and does not tell which it was.
  async #refused() {
    const source = this.#source
    const status = await statusOf('history')
    if (source !== this.#source) return
    if (status === 401 || status === 403) this.#state('refused', 'You have no access any more: reload the page')
    else this.#againTimer = setTimeout(() => this.#open(), AGAIN)
  }

  // The time is that of the last figures, and does not go on: the words are read out when they change.
  #state(state, words) {
    clearTimeout(this.#quietTimer)
    document.body.dataset.state = state
    const isOld = state !== 'live' && this.#latest !== undefined
    say(this.#link, isOld ? `${words} – figures of ${clock(this.#latest)}` : words)
  }
}

async function statusOf(path) {
  try {
    const { status } = await fetch(path)
    return status
  } catch {
    return 0
  }
}
