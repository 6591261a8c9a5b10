import { setTimeout } from 'node:timers/promises'
import { wrong } from './checks.js'
import type { Connection } from './connection.js'
import type { Cursor, Follower } from './cursor.js'
import { SseError } from './errors.js'
import type { Range } from './log.js'
import { checkChannel } from './names.js'
import type { Entry } from './plugin.js'
import type { PubSub } from './pubsub.js'
import { endOver } from './spread.js'
import type { Pick } from './streams.js'

/** The channel on which processes tell each other whose streams are to end: no channel of a user's can be called so. */
const CONTROL = '\u0002'

/** Milliseconds that a new stream waits for this process to hear the others. */
const PATIENCE = 1_000

/** Whose streams are to end: all of a key, all that read a channel, or those of a key that read it. */
export interface Picked {
  /** What `connectionKey` returned. */
  key?: string | undefined
  /** One that the streams read, perhaps among others. */
  channel?: string | undefined
}

/** Milliseconds over which streams are ended where it may have been missed that some were to be. */
const RECALL = 5_000

/** Lets every process end streams in all of them. What is asked while one cannot hear it, that one does once it can. */
export class Control implements Follower {
  readonly ready = true
  readonly whenBehind = 'catch-up'
  readonly #pubsub: PubSub
  readonly #streams: (isMeant: Pick) => Connection[]
  #cursor: Cursor | undefined
  #following: Promise<void> | undefined
  #live = () => {}
  #isLate = false

  /** @param streams Picks those of this process that are to end. */
  constructor(pubsub: PubSub, streams: (isMeant: Pick) => Connection[]) {
    this.#pubsub = pubsub
    this.#streams = streams
  }

  /** Resolves once this process hears the others; soon also if it cannot, for streams are opened all the same. */
  heard(): Promise<void> {
    this.#following ??= this.#follow()
    return this.#following
  }

  /** Ends streams in every process. Resolves to how many there were here, once all will hear of it. */
  async disconnect({ key, channel }: Picked): Promise<number> {
    if (key === undefined && channel === undefined)
      throw new TypeError("disconnect takes a predicate, or { key: '…' }, { channel: '…' } or both")
    if (key !== undefined && typeof key !== 'string') throw wrong('key', 'a string', key)
    if (channel !== undefined) checkChannel(channel)
    const streams = this.#pick({ key, channel })
    const ended = end(streams)
    try {
      await this.#pubsub.send(CONTROL, { data: JSON.stringify({ key, channel }) })
    } finally {
      await Promise.all([ended, end(this.#pick({ key, channel }))])
    }
    return streams.length
  }

  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  take(range: Range): void {
    this.replay(range.entries())
  }

  replay(entries: readonly Entry[]): void {
    for (const { message } of entries) {
      const picked = pickedIn(message.data)
      if (picked) void end(this.#pick(picked))
      else
        this.#pubsub.failed(
          new SseError('ERR_SSE_MESSAGE', 'Who asked to end streams did not say which: it was left out'),
        )
    }
  }

  reset(): void {
    this.#recall()
  }

  joined(): void {}

  live(): void {
    this.#live()
    if (this.#isLate) this.#recall()
  }

  // The next stream tries again.
  fail(error?: unknown): void {
    this.close()
    this.#following = undefined
    this.#live()
    if (error !== undefined) this.#pubsub.failed(error)
  }

  #pick({ key, channel }: Picked): Connection[] {
    return this.#streams(
      stream =>
        (key === undefined || stream.key === key) && (channel === undefined || stream.channels.includes(channel)),
    )
  }

  // Some of them may have been meant: so all are judged anew.
  #recall(): void {
    const streams = this.#streams(({ key }) => key !== undefined)
    void endOver(RECALL, streams, 'disconnected')
  }

  async #follow(): Promise<void> {
    const abort = new AbortController()
    const live = new Promise<void>(resolve => {
      this.#live = () => {
        resolve()
        abort.abort()
      }
    })
    this.#cursor = this.#pubsub.follow(CONTROL, this, undefined)
    const late = setTimeout(PATIENCE, true, { signal: abort.signal, ref: false }).catch(() => false)
    await Promise.race([live, late])
    this.#isLate = !abort.signal.aborted
  }
}

async function end(streams: readonly Connection[]): Promise<void> {
  await endOver(0, streams, 'disconnected')
}

// What another process says is not to be trusted: to pick nothing would be to pick all.
function pickedIn(data: string): Picked | undefined {
  try {
    const { key, channel } = JSON.parse(data)
    const isPicked = [key, channel].some(name => typeof name === 'string')
    return isPicked && [key, channel].every(name => ['string', 'undefined'].includes(typeof name))
      ? { key, channel }
      : undefined
  } catch {
    return undefined
  }
}
