import type { Message } from './event.js'
import type { Position } from './position.js'
import type { RunStore } from './run-store.js'

/** A message with its place in the channel. */
export interface Entry {
  /** The message's own: who has seen it goes on after it. */
  readonly position: Position
  /** What was published. */
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

/** Whether a plugin works now. */
export interface Health {
  /** Whether what is published now would be taken. */
  readonly publishing: boolean
  /** Whether what others publish now would be received. */
  readonly receiving: boolean
  /** Why not. Its `code` is stable; its message is for logs, not for clients. */
  readonly error?: Error | undefined
}

/** What is common to all that carries channels, in one process or between many. */
interface Carrier {
  /** What it is called in messages: `redis`, say. */
  readonly name: string
  /** Resolves once publishing and receiving work. Rejects at once with the reason why they do not. */
  ready?(): Promise<void>
  /** Whether publishing and receiving work now. Asked often: it answers from what is known. */
  health?(): Health
  /** Tells failures that belong to no call, each once: a connection that broke off, a message that cannot be read. */
  watch?(failed: (error: unknown) => void): void
  /** Closes what the plugin opened, never a client that it was handed. */
  close(): Promise<void>
}

/**
 * Carries channels and keeps their history.
 *
 * A call that cannot be done now but may be later rejects with an `SseError` of code `ERR_SSE_UNREACHABLE`: streams then stay open, and
 * it is tried again. Any other error ends the streams that it concerns. What concerns the connection and no channel, that code and
 * `ERR_SSE_CREDENTIALS`, is told once through `watch`.
 */
export interface Plugin extends Carrier {
  /** Appends to the channel and sends to every process subscribed to it. Rejects if that cannot be done: nothing is accepted and lost. */
  publish(channel: string, message: Message): Promise<Position>
  /** Resolves once every later publish will reach `deliver`, in order. `lost` tells that some may not have: the channel is then read. */
  subscribe(channel: string, deliver: (entry: Entry) => void, lost: () => void): Promise<Unsubscribe>
  /** Reads what follows `after`, at most `limit` entries; without `after` only the newest position. */
  read(channel: string, after: Position | undefined, limit: number): Promise<ReadResult>
  /** Finds the newest entry that its publisher gave this id. */
  find?(channel: string, id: string): Promise<Position | undefined>
  /** Lets processes share the runs of sources. Without it each process has runs of its own. */
  readonly runs?: RunStore
}

/**
 * Carries channels and keeps nothing: at most once. Its streams have no ids but those that publishers set; that something was lost
 * is told to clients as `stream-reset`.
 */
export interface Relay extends Carrier {
  /** Sends to every process subscribed to the channel. Rejects if that cannot be done. */
  publish(channel: string, message: Message): Promise<void>
  /** Resolves once later messages will reach `deliver`, in order. `lost` tells, once it works again, that some may not have. */
  subscribe(channel: string, deliver: (message: Message) => void, lost: () => void): Promise<Unsubscribe>
  /** A relay has none: what has `read` is a `Plugin`. */
  read?: undefined
}
