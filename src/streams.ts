import type { Context } from 'koa'
import { type ConnectionStats, count, type EndReason, type RefusalReason } from './activity.js'
import type { Connection, ConnectionOwner } from './connection.js'
import { callAt } from './deadline.js'
import { jittered } from './jitter.js'
import { addressKey, type LimitOptions, type Limits } from './limits.js'
import type { Place } from './place.js'
import type { ResetReason } from './plugin.js'
import { COME_BACK, type Overload, SOON } from './refusal.js'

/** Says of a stream whether it is to end. */
export type Pick = (connection: Connection) => boolean

/** The streams of one mount: lets them in as far as the limits go, and counts what becomes of them. */
export class Streams implements ConnectionOwner, Iterable<Connection> {
  readonly path: string
  /** Whether any may be sent away. */
  readonly limited: boolean
  /** How those are answered that are sent away. */
  readonly overload: Overload
  readonly #place: Place
  readonly #limits: readonly Limits[]
  readonly #key: LimitOptions['connectionKey']
  readonly #connections = new Set<Connection>()
  readonly #deadlines = new Map<Connection, () => void>()
  readonly #judging = new Set<Pick[]>()
  #open = 0
  #setGone = () => {}

  /** @param own The mount's own limits; those of its router are the place's. Its own options count before the router's. */
  constructor(place: Place, own: Limits) {
    this.path = place.path
    this.#place = place
    this.#limits = place.limits ? [place.limits, own] : [own]
    const [first, second = own] = this.#limits as [Limits, Limits?]
    this.limited = first.limited || second.limited
    this.overload = {
      overload: second.settings.overload ?? first.settings.overload ?? COME_BACK.overload,
      retryAfter: second.settings.retryAfter ?? first.settings.retryAfter ?? COME_BACK.retryAfter,
    }
    const byAddress = first.perKey || second.perKey ? addressKey : undefined
    this.#key = second.settings.connectionKey ?? first.settings.connectionKey ?? byAddress
  }

  /** How many are open. */
  get open(): number {
    return this.#open
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values()
  }

  /** Resolves once there is none, where no more are let in. */
  async gone(): Promise<void> {
    if (this.#connections.size === 0) return
    await new Promise<void>(resolve => {
      const others = this.#setGone
      this.#setGone = () => {
        others()
        resolve()
      }
    })
  }

  /** Whose stream a request asks for; undefined where nobody needs to know. */
  keyOf(ctx: Context): string | undefined {
    if (!this.#key) return undefined
    const key = this.#key(ctx) || addressKey(ctx)
    if (typeof key === 'string') return key
    throw new TypeError(`connectionKey must return a string or undefined, not ${typeof key}`)
  }

  /** Takes a place under every limit, unless there is none: then why. */
  enter(key: string | undefined): RefusalReason | undefined {
    for (const limits of this.#limits) {
      const reason = limits.enter(key)
      if (reason === undefined) continue
      for (const entered of this.#limits.slice(0, this.#limits.indexOf(limits))) entered.leave(key)
      return reason
    }
    return undefined
  }

  added(connection: Connection): void {
    this.#connections.add(connection)
  }

  /** The streams that are to end. */
  pick(isMeant: Pick): Connection[] {
    for (const missed of this.#judging) missed.push(isMeant)
    return [...this.#connections].filter(isMeant)
  }

  /**
   * Begins to collect what is picked while a request is judged, until `judged`: it may be judged by what was true before. Who was
   * picked is to end once it is open.
   */
  judging(): Pick[] {
    const missed: Pick[] = []
    this.#judging.add(missed)
    return missed
  }

  judged(missed: Pick[]): void {
    this.#judging.delete(missed)
  }

  /** Ends a stream at a date, or after so many milliseconds: some sooner, so that those do not end together that began together. */
  endBy(connection: Connection, until: Date | undefined, maxDuration = Number.POSITIVE_INFINITY): void {
    if (!this.#connections.has(connection)) return // its client has left while it was prepared
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
    if (activity.hears('disconnect')) void connection.ctx.ip // it cannot be asked for once the socket is closed
    if (activity.hears('connect')) activity.tell('connect', { connection: this.describe(connection) })
  }

  closed(connection: Connection, reason: EndReason | undefined): void {
    this.#connections.delete(connection)
    this.#deadlines.get(connection)?.()
    this.#deadlines.delete(connection)
    for (const limits of this.#limits) limits.leave(connection.key)
    if (reason !== undefined) this.#over(connection, reason)
    if (this.#connections.size === 0) this.#setGone()
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
}
