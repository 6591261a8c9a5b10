/**
 * Over HTTP/1.1 a browser opens six connections to a host, and all its tabs share them. No more than this many streams are
 * open at once, in all tabs together, so that a request that is sent meanwhile finds a connection free.
 */
const slots = ['stream 1', 'stream 2', 'stream 3', 'stream 4']

/** The turns of this page by the slot that they hold, oldest first. */
const held = new Map()

/**
 * Calls `start` when a slot is free, and what it returned when `leave` is called, or when another pane has taken the slot; then
 * it waits for the next.
 */
export class Turn {
  #say
  #start
  #stop
  #release
  #queue
  #hurrying = false
  #over = false

  constructor(say, start) {
    this.#say = say
    this.#start = start
    // Only pages from localhost or over HTTPS have locks.
    if (navigator.locks === undefined) this.#stop = start()
    else this.#enqueue()
  }

  /** Takes a slot now, if it waits for one: from another pane of this page, else of another tab. */
  async hurry() {
    if (this.#stop !== undefined || this.#hurrying || this.#over) return
    this.#hurrying = true
    const [slot = slots[0]] = held.keys()
    await this.#request(slot, { steal: true })
  }

  leave() {
    this.#over = true
    this.#queue?.abort()
    this.#quit()
  }

  #enqueue() {
    this.#say('waiting', 'waiting for a free connection')
    this.#queue = new AbortController()
    for (const slot of slots) this.#request(slot, { signal: this.#queue.signal })
  }

  // Resolves when the slot has been given back, or was never got.
  async #request(slot, options) {
    let mine = false
    try {
      await navigator.locks.request(slot, options, () => {
        if (this.#over || this.#stop !== undefined) return
        mine = true
        return this.#hold(slot)
      })
    } catch (error) {
      if (error.name !== 'AbortError') throw error
      if (mine) this.#robbed(slot)
    }
  }

  #hold(slot) {
    held.delete(slot)
    held.set(slot, this)
    this.#queue.abort()
    this.#hurrying = false
    this.#stop = this.#start()
    const given = new Promise(resolve => {
      this.#release = resolve
    })
    return given.then(() => this.#forget(slot))
  }

  #robbed(slot) {
    this.#forget(slot)
    this.#quit()
    if (!this.#over) this.#enqueue()
  }

  #forget(slot) {
    if (held.get(slot) === this) held.delete(slot)
  }

  #quit() {
    this.#stop?.()
    this.#stop = undefined
    this.#release?.()
  }
}
