import { channel as diagnosticsChannel } from 'node:diagnostics_channel'
import type { Context } from 'koa'
import type { ResetReason } from './plugin.js'

/** Why a stream is over. */
export type EndReason =
  /** Its client went away. */
  | 'left'
  /** Its source came to its end. */
  | 'ended'
  /** Its source, or its channel, failed. */
  | 'failed'
  /** `sse.close()`. */
  | 'closed'
  /** `sse.disconnect()` or `sse.end()`. */
  | 'disconnected'
  /** The date has come that `authorize` gave. */
  | 'expired'
  /** `maxDuration`. */
  | 'duration'
  /** `writeTimeout`: its client took nothing of what waited for it. */
  | 'stalled'
  /** `whenBehind: 'close'`. */
  | 'behind'

/** Why a stream was not opened, or an event that was posted not published. */
export type RefusalReason =
  /** `authorize` said no, or threw an error of status 401 or 403. */
  | 'unauthorized'
  /** The request does not accept event streams. */
  | 'not-acceptable'
  /** `maxConnections`. */
  | 'connections'
  /** `maxConnectionsPerKey`. */
  | 'connections-per-key'
  /** `maxChannels`. */
  | 'channels'
  /** `maxRuns`. */
  | 'runs'
  /** `sse.close()` has been called. */
  | 'closing'
  /** `rate` of a publisher. */
  | 'rate'
  /** `limit` of a publisher. */
  | 'size'
  /** A page of another origin posted. */
  | 'cross-site'

/** A stream, as it is now. */
export interface ConnectionStats {
  /** Names it in this process. */
  readonly id: number
  /** The client's address: `ctx.ip`. */
  readonly address: string
  /** The path of its mount; empty for a mount without a router. */
  readonly path: string
  /** What `connectionKey` returned. */
  readonly key: string | undefined
  /** The channels that it reads. */
  readonly channels: readonly string[]
  /** When it was opened, in milliseconds since 1970. */
  readonly opened: number
  /** Events that were sent. */
  readonly events: number
  /** Bytes that were sent, or wait to be. */
  readonly bytes: number
  /** Bytes that wait for the client to read. */
  readonly held: number
}

/** What is told, by name. */
export interface ActivityEvents {
  /** A stream has opened. */
  connect: { readonly connection: ConnectionStats }
  /** A stream is over, and its response closed. */
  disconnect: { readonly connection: ConnectionStats; readonly reason: EndReason }
  /** A request was refused. `status` is 200 where the client was asked to come back later. */
  refuse: { readonly ctx: Context; readonly reason: RefusalReason; readonly status: number }
  /** An event was published here. `duration` is how long the plugin took, in milliseconds. */
  publish: { readonly channel: string; readonly bytes: number; readonly duration: number }
  /** All followers of a channel here had their turn. `duration` is how long that took from the first new event on, in milliseconds. */
  fanout: { readonly channel: string; readonly followers: number; readonly duration: number }
  /** A client was told of a hole: `stream-reset`. */
  hole: { readonly channel: string; readonly reason: ResetReason }
  /** What Koa's `error` event is told too. */
  failure: { readonly error: unknown; readonly channel?: string | undefined; readonly path?: string | undefined }
}

type Name = keyof ActivityEvents
type Listener<N extends Name> = (detail: ActivityEvents[N]) => void
/** How often, by reason; a reason that has not been had is absent. */
export type Tally<Reason extends string> = Partial<Record<Reason, number>>

const diagnostics = {
  connect: diagnosticsChannel('koa-eventfeed:connect'),
  disconnect: diagnosticsChannel('koa-eventfeed:disconnect'),
  refuse: diagnosticsChannel('koa-eventfeed:refuse'),
  publish: diagnosticsChannel('koa-eventfeed:publish'),
  fanout: diagnosticsChannel('koa-eventfeed:fanout'),
  hole: diagnosticsChannel('koa-eventfeed:hole'),
  failure: diagnosticsChannel('koa-eventfeed:failure'),
}

/**
 * Tells what happens inside, and counts it: what logs, metrics and tracers listen to. Each event is also published to the channel
 * `koa-eventfeed:<name>` of `node:diagnostics_channel`, whichever router it comes from.
 */
export class Activity {
  /** Streams that were opened. */
  accepted = 0
  /** Events that were published here. */
  published = 0
  /** What failed and was told to Koa's `error` event. */
  failures = 0
  /** Events and bytes of streams that are over. */
  sent = { events: 0, bytes: 0 }
  /** Requests that were refused. */
  readonly refused: Tally<RefusalReason> = {}
  /** Streams that are over. */
  readonly ended: Tally<EndReason> = {}
  /** How often clients were told of a hole. */
  readonly holes: Tally<ResetReason> = {}
  readonly #listeners: { [N in Name]?: Set<Listener<N>> } = {}
  readonly #onError: (error: unknown) => void

  /** @internal */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /**
   * Calls a listener with each event of a name. What it throws goes to Koa's `error` event, and stops nothing. Returns what undoes it.
   * @throws TypeError for a name that is not known.
   */
  on<N extends keyof ActivityEvents>(name: N, listener: (detail: ActivityEvents[N]) => void): () => void {
    if (!Object.hasOwn(diagnostics, name)) {
      throw new TypeError(`Activity has no event '${name}': listen for ${Object.keys(diagnostics).join(', ')}`)
    }
    this.#listeners[name] ??= new Set<Listener<N>>() as never
    const listeners = this.#listeners[name] as Set<Listener<N>>
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** Whether anybody listens: where telling is not free, it is asked first. @internal */
  hears(name: Name): boolean {
    return diagnostics[name].hasSubscribers || (this.#listeners[name]?.size ?? 0) > 0
  }

  /** @internal */
  tell<N extends Name>(name: N, detail: ActivityEvents[N]): void {
    diagnostics[name].publish(detail)
    for (const listener of (this.#listeners[name] as Set<Listener<N>> | undefined) ?? []) {
      try {
        listener(detail)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  /** @internal */
  refuse(ctx: Context, reason: RefusalReason, status: number): void {
    count(this.refused, reason)
    this.tell('refuse', { ctx, reason, status })
  }

  /** @internal */
  hole(channel: string, reason: ResetReason): void {
    count(this.holes, reason)
    this.tell('hole', { channel, reason })
  }

  /** @internal */
  fail(detail: ActivityEvents['failure']): void {
    this.failures += 1
    this.tell('failure', detail)
  }
}

/** Counts one more of a kind. */
export function count<Kind extends string>(tally: Tally<Kind>, kind: Kind): void {
  tally[kind] = (tally[kind] ?? 0) + 1
}
