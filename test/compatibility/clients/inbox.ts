import { EventEmitter, once } from 'node:events'

export interface Received {
  event: string
  data: string
  /** The last event ID, where the client tells it. */
  id?: string | undefined
}

/** What a client has told of a stream, whichever language it is written in. */
export class Inbox {
  readonly received: Received[] = []
  readonly #changes = new EventEmitter()
  #isStopped = false

  push(received: Received): void {
    this.received.push(received)
    this.#changes.emit('change')
  }

  /** The client will not come back. */
  stop(): void {
    this.#isStopped = true
    this.#changes.emit('change')
  }

  /** Resolves to the data of all events of a name once there are so many. */
  async take(count: number, name = 'message'): Promise<string[]> {
    for (;;) {
      const events = this.received.filter(({ event }) => event === name)
      if (events.length >= count) return events.map(({ data }) => data)
      await once(this.#changes, 'change')
    }
  }

  /** Resolves to all events once the client has stopped for good. */
  async stopped(): Promise<Received[]> {
    while (!this.#isStopped) await once(this.#changes, 'change')
    return this.received
  }
}
