import type { Activity } from '../activity.js'

/** A hole or a failure, as a page shows it. Of an error its name and code only: its message may hold secrets. */
export interface Incident {
  /** When it was last seen, in milliseconds since 1970. */
  readonly at: number
  readonly kind: 'hole' | 'failure'
  /** A hole's reason, or an error's name and code. */
  readonly what: string
  /** The channel or the mount's path; empty where it concerns neither. */
  readonly where: string
  /** How often it was seen, the same each time. */
  readonly count: number
}

const KEPT = 100

/** Keeps the newest holes and failures, the same ones as one. */
export class Incidents {
  readonly #incidents = new Map<string, Incident>()
  readonly #undo: readonly (() => void)[]

  constructor(activity: Activity) {
    this.#undo = [
      activity.on('hole', ({ channel, reason }) => this.#add('hole', reason, channel)),
      activity.on('failure', ({ error, channel, path }) => this.#add('failure', nameOf(error), channel ?? path ?? '')),
    ]
  }

  /** Newest first. */
  get newest(): readonly Incident[] {
    return [...this.#incidents.values()].reverse()
  }

  close(): void {
    for (const undo of this.#undo) undo()
  }

  #add(kind: Incident['kind'], what: string, where: string): void {
    const key = JSON.stringify([kind, what, where])
    const { count = 0 } = this.#incidents.get(key) ?? {}
    this.#incidents.delete(key) // so that it is the newest
    this.#incidents.set(key, { at: Date.now(), kind, what, where, count: count + 1 })
    for (const oldest of this.#incidents.keys()) {
      if (this.#incidents.size <= KEPT) return
      this.#incidents.delete(oldest)
    }
  }
}

const WORD = /^[\w.:-]{1,60}$/

function nameOf(error: unknown): string {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown }
  const words = [name, code].filter(word => typeof word === 'string' && WORD.test(word))
  return [...new Set(words)].join(' ') || 'Error'
}
