import type { SseError } from '../../src/errors.js'

/** Who receives a channel of Redis. */
export interface Listener {
  message(text: string): void
  /** It is received again, after a time in which messages may have been missed. */
  lost(): void
}

/** Receives channels of Redis, over as many connections as that takes, which does not depend on the number of channels. */
export interface Receiver {
  /** Resolves once Redis has acknowledged that every later message will come. */
  add(channel: string, listener: Listener): Promise<void>
  remove(channel: string, listener: Listener): void
  /** Connects, if nothing has yet. */
  open(): void
  /** Gives up the connection of a channel on which messages do not arrive, for a new one. */
  renew(channel: string): void
  /** Resolves once it works, rejects as soon as it is known why it does not. */
  ready(): Promise<void>
  /** Why it does not work now; undefined if it does. */
  readonly failure: SseError | undefined
  /** The codes of what its connections have told of outages that are under way. */
  readonly told: readonly (string | undefined)[]
  close(): void
}
