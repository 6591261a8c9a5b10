import type { Context } from 'koa'
import { type ConnectionStats, count, type EndReason, type RefusalReason } from './activity.js'
import type { Connection, ConnectionOwner } from './connection.js'
import { callAt } from './deadline.js'
import { jittered } from './jitter.js'
import { addressKey, type Limits } from './limits.js'
import type { Place } from './place.js'
import type { ResetReason } from './plugin.js'
import { COME_BACK, type Overload, SOON } from './refusal.js'

/** The streams of one mount: lets them in as far as the limits go, and counts what becomes of them. */
export class Streams implements ConnectionOwner, Iterable<Connection> {
  readonly path: string
  readonly #place: Place
  readonly #limits: readonly Limits[]
  readonly #connections = new Set<Connection>()
  readonly #deadlines = new Map<Connection, () => void>()
  #open = 0

  /** @param own The mount's own limits; those of its router are the place's. */
  constructor(place: Place, own: Limits) {
    this.path = place.path
    this.#place = place
    this.#limits = place.limits ? [place.limits, own] : [own]
  }

  /** How many are open. */
  get open(): number {
    return this.#open
  }

  /** Whether any may be sent away. */
  get limited(): boolean {
    return this.#limits.some(({ limited }) => limited)
  }

  /** How those are answered that are sent away. The mount's own options count before its router's. */
  get overload(): Overload {
    const { overload, retryAfter } = COME_BACK
    return {
      overload: this.#option('overload') ?? overload,
      retryAfter: this.#option('retryAfter') ?? retryAfter,
    }
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values()
  }

  /** Whose stream a request asks for; undefined where nobody needs to know. */
  keyOf(ctx: Context): string | undefined {
    const keyed = this.#option('connectionKey')
    if (!keyed) return this.#limits.some(({ perKey }) => perKey) ? addressKey(ctx) : undefined
    const key = keyed(ctx) ?? addressKey(ctx)
    if (typeof key !== 'string')
      throw new TypeError(`connectionKey must return a string or undefined, not ${typeof key}`)
    return key
  }

  /** Takes a place under every limit, unless there is none: then why. */
  enter(key: string | undefined): RefusalReason | undefined {
    for (const [index, limits] of this.#limits.entries()) {
      const reason = limits.enter(key)
      if (reason === undefined) continue
      for (const entered of this.#limits.slice(0, index)) entered.leave(key)
      return reason
    }
    return undefined
  }

  added(connection: Connection): void {
    this.#connections.add(connection)
  }

  /** Ends a stream at a date, or after so many milliseconds: some sooner, so that those do not end together that began together. */
  endBy(connection: Connection, until: Date | undefined, maxDuration = Number.POSITIVE_INFINITY): void {
    const expiry = until?.getTime() ?? Number.POSITIVE_INFINITY
    const end = Date.now() + maxDuration * (0.9 + 0.1 * Math.random())
    const time = Math.min(expiry, end)
    if (time === Number.POSITIVE_INFINITY) return
    const reason = expiry <= end ? 'expired' : 'duration'
    const undo = callAt(time, () => void connection.close(reason, { retry: jittered(SOON) }))
    this.#deadlines.set(connection, undo)
  }

  refused(ctx: Context, reason: RefusalReason, status: number): void {
    this.#place.activity.refuse(ctx, reason, status)
  }

  opened(connection: Connection): void {
    const { activity } = this.#place
    this.#open += 1
    activity.accepted += 1
    if (activity.hears('connect')) activity.tell('connect', { connection: this.describe(connection) })
  }

  closed(connection: Connection, reason: EndReason | undefined): void {
    this.#connections.delete(connection)
    this.#deadlines.get(connection)?.()
    this.#deadlines.delete(connection)
    for (const limits of this.#limits) limits.leave(connection.key)
    if (reason !== undefined) this.#over(connection, reason)
  }

  failed(error: unknown): void {
    this.#place.activity.fail({ error, path: this.path })
  }

  hole(channel: string, reason: ResetReason): void {
    this.#place.activity.hole(channel, reason)
  }

  describe(connection: Connection): ConnectionStats {
    const { id, ctx, key, channels, opened, events, bytes, held } = connection
    return { id, address: ctx.ip, path: this.path, key, channels, opened, events, bytes, held }
  }

  #over(connection: Connection, reason: EndReason): void {
    const { activity } = this.#place
    this.#open -= 1
    activity.sent.events += connection.events
    activity.sent.bytes += connection.bytes
    count(activity.ended, reason)
    if (activity.hears('disconnect')) activity.tell('disconnect', { connection: this.describe(connection), reason })
  }

  #option<Name extends keyof Limits['settings']>(name: Name): Limits['settings'][Name] | undefined {
    return this.#limits.findLast(({ settings }) => settings[name] !== undefined)?.settings[name]
  }
}
