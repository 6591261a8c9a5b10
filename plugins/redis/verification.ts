/** How often it is looked which channels are due: milliseconds. */
const ROUND = 1_000

interface Watched {
  readonly lost: Set<() => void>
  /** The newest position that was received, or read by the last check. */
  seen: string | undefined
  due: number
  misses: number
}

export interface VerificationSettings {
  /** Milliseconds without a message after which a channel is checked. */
  readonly interval: number
  /** A channel's newest position. */
  top(channel: string): Promise<string>
  /** Messages of a channel do not arrive, though its connection seems to work. */
  starved(channel: string): void
}

/**
 * Checks that nothing was missed on channels that are silent: nothing that comes later would show it. Once a channel and interval,
 * whatever its number of followers.
 */
export class Verification {
  readonly #settings: VerificationSettings
  readonly #channels = new Map<string, Watched>()
  #timer: NodeJS.Timeout | undefined

  constructor(settings: VerificationSettings) {
    this.#settings = settings
  }

  add(channel: string, lost: () => void): void {
    const { interval } = this.#settings
    const due = performance.now() + interval * (1 - Math.random() / 2) // not all that were opened at once at once
    const watched = this.#channels.get(channel) ?? { lost: new Set(), seen: undefined, due, misses: 0 }
    watched.lost.add(lost)
    this.#channels.set(channel, watched)
    this.#timer ??= setInterval(() => this.#round(), Math.min(interval, ROUND)).unref()
  }

  remove(channel: string, lost: () => void): void {
    const watched = this.#channels.get(channel)
    watched?.lost.delete(lost)
    if (watched?.lost.size === 0) this.#channels.delete(channel)
    if (this.#channels.size === 0) this.stop()
  }

  /** A message has come. */
  heard(channel: string, position: string): void {
    const watched = this.#channels.get(channel)
    if (!watched) return
    watched.seen = position
    watched.misses = 0
    watched.due = performance.now() + this.#settings.interval
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #round(): void {
    const now = performance.now()
    for (const [channel, watched] of this.#channels) {
      if (watched.due > now) continue
      watched.due = now + this.#settings.interval
      // Where it cannot be read now, it is looked at the next time.
      this.#settings.top(channel).then(
        top => this.#compare(channel, watched, top),
        () => {},
      )
    }
  }

  #compare(channel: string, watched: Watched, top: string): void {
    if (watched.seen === top) return
    if (watched.seen !== undefined) watched.misses += 1
    watched.seen = top
    for (const lost of watched.lost) lost()
    if (watched.misses > 1) this.#settings.starved(channel)
  }
}
