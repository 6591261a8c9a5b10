import { setTimeout } from 'node:timers/promises'
import { ServerSentEvent } from '../event.js'
import type { ReceivedEvent } from '../event-subscription.js'
import type { PubSub } from '../pubsub.js'
import { nextTurn, sliceUsed } from '../turns.js'

/** An event of a channel, as a page shows it. */
interface Shown {
  readonly at: number
  readonly id: string
  readonly event: string | undefined
  readonly data: string
  /** Bytes of the data, which is not shown whole where there is more of it. */
  readonly bytes: number
}

/** Most events that are sent at once, most characters of their data, and least milliseconds between two sendings. */
const MOST = 100
const LENGTH = 2_000
const PAUSE = 200

/**
 * Events of a channel, some at a time: however fast a channel is, a page is given a few texts a second. Of more than it shows the newest
 * are sent, and how many were left out. It goes on after the last event ID of an earlier stream.
 */
export async function* watch(
  pubsub: PubSub,
  channel: string,
  signal: AbortSignal,
  lastEventId: string | undefined,
): AsyncGenerator<ServerSentEvent> {
  const from = lastEventId ?? (await pubsub.position(channel))
  const subscription = pubsub.subscribe(channel, { signal, lastEventId: from === '' ? undefined : from })
  await subscription.ready
  yield event('watching', { channel, resumes: from !== '' }, from)
  const batch = new Batch()
  void fill(batch, subscription)
  try {
    while (await batch.filled()) {
      const taken = batch.take()
      yield event('entries', taken, taken.entries.at(-1)?.id)
      await setTimeout(PAUSE, undefined, { signal })
    }
  } finally {
    await subscription.return()
  }
}

// Where a channel has no history its events have no ids.
const event = (name: string, data: object, id = '') =>
  new ServerSentEvent(data, { event: name, id: id === '' ? undefined : id })

async function fill(batch: Batch, events: AsyncIterable<ReceivedEvent>): Promise<void> {
  try {
    for await (const received of events) {
      batch.add(received)
      if (sliceUsed()) await nextTurn()
    }
    batch.end(undefined)
  } catch (error) {
    batch.end({ error })
  }
}

class Batch {
  #events: ReceivedEvent[] = []
  #skipped = 0
  #wake = () => {}
  #isOver = false
  #failure: { readonly error: unknown } | undefined

  add(event: ReceivedEvent): void {
    this.#events.push(event)
    if (this.#events.length > MOST) {
      this.#events.shift()
      this.#skipped += 1
    }
    this.#wake()
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#isOver = true
    this.#failure = failure
    this.#wake()
  }

  /** Resolves to true once there is something to send, to false at the end. Rejects with why the channel cannot be followed any more. */
  async filled(): Promise<boolean> {
    if (this.#events.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#failure) throw this.#failure.error
    return this.#events.length > 0
  }

  take(): { entries: readonly Shown[]; skipped: number } {
    const taken = { entries: this.#events.map(shown), skipped: this.#skipped }
    this.#events = []
    this.#skipped = 0
    return taken
  }
}

function shown({ id, event, data }: ReceivedEvent): Shown {
  const start = data.length > LENGTH ? data.slice(0, LENGTH).toWellFormed() : data
  return { at: Date.now(), id, event, data: start, bytes: Buffer.byteLength(data) }
}
