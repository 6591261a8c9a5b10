import type { Message } from './event.js'
import type { Position } from './position.js'

/** A message with its place in the channel. */
export interface Entry {
  readonly position: Position
  readonly message: Message
}

/** Why the events after a position cannot be had. */
export type ResetReason = 'absent' | 'epoch' | 'rollback' | 'fork' | 'trimmed' | 'limit' | 'malformed'

/** What follows a position, oldest first, or why it cannot be had; and the channel's newest position. */
export type ReadResult =
  | { readonly ok: true; readonly entries: readonly Entry[]; readonly top: Position }
  | { readonly ok: false; readonly reason: ResetReason; readonly top: Position }

/** Stops a subscription. Called twice, it does nothing. */
export type Unsubscribe = () => void | Promise<void>

/** Carries channels: in one process or between many. */
export interface Plugin {
  readonly name: string
  /** Appends to the channel and sends to every process subscribed to it. Rejects if that cannot be done: nothing is accepted and lost. */
  publish(channel: string, message: Message): Promise<Position>
  /** Resolves once every later publish will reach `deliver`, in order. `lost` tells that this was interrupted for a while. */
  subscribe(channel: string, deliver: (entry: Entry) => void, lost: () => void): Promise<Unsubscribe>
  /** Reads what follows `after`, at most `limit` entries; without `after` only the newest position. */
  read(channel: string, after: Position | undefined, limit: number): Promise<ReadResult>
  /** Finds the newest entry that its publisher gave this id. */
  find?(channel: string, id: string): Promise<Position | undefined>
  /** Closes what the plugin opened, never a client that it was handed. */
  close(): Promise<void>
}
