import { isIPv6 } from 'node:net'
import type { Context } from 'koa'
import { positive, positiveInteger, wrong } from './checks.js'

/** Milliseconds. A client's timer cannot wait for more than 24 days, and would not wait at all then. */
const DAY = 86_400_000

/** How many streams may be open, and what becomes of the others. */
export interface LimitOptions {
  /**
   * Most streams that are open at once: of this mount, or of all mounts of a router.
   * @default no limit
   */
  maxConnections?: number | undefined
  /**
   * Most streams that are open at once for one key: see `connectionKey`.
   * @default no limit
   */
  maxConnectionsPerKey?: number | undefined
  /**
   * Whose stream it is: the user's id, say. Called after `authorize`. Where it returns `undefined` or an empty text, and by default, the client's
   * address: `ctx.ip`, of IPv6 its first 64 bits. Streams can be ended by their key: `sse.disconnect({ key })`.
   */
  connectionKey?: ((ctx: Context) => string | undefined) | undefined
  /**
   * How one stream too many is answered: `'retry'` sends an empty stream that tells the client when to come back, the only answer but
   * a stream that an `EventSource` does not give up for; 429 or 503 are sent with `Retry-After`. What is not a GET gets 503 at least.
   * @default 'retry'
   */
  overload?: 'retry' | 429 | 503 | undefined
  /**
   * Milliseconds after which who was sent away comes back, on average: each is told another time, from half of it to one and a half.
   * A day at most.
   * @default 5_000
   */
  retryAfter?: number | undefined
}

/** The names of the options above. */
export const LIMIT_OPTIONS = [
  ...['maxConnections', 'maxConnectionsPerKey', 'connectionKey', 'overload', 'retryAfter'],
] as const

/** Checked options. */
export interface LimitSettings {
  readonly maxConnections: number
  readonly maxConnectionsPerKey: number
  readonly connectionKey: LimitOptions['connectionKey']
  readonly overload: LimitOptions['overload']
  readonly retryAfter: number | undefined
}

/** @throws TypeError or RangeError for a value that cannot be used. */
export function limitSettings(options: LimitOptions): LimitSettings {
  const { maxConnections, maxConnectionsPerKey, connectionKey, overload, retryAfter } = options
  if (connectionKey !== undefined && typeof connectionKey !== 'function')
    throw wrong('connectionKey', 'a function of ctx', connectionKey)
  if (overload !== undefined && !['retry', 429, 503].includes(overload))
    throw new RangeError(`overload must be 'retry', 429 or 503, not ${String(overload)}`)
  return {
    maxConnections: most('maxConnections', maxConnections),
    maxConnectionsPerKey: most('maxConnectionsPerKey', maxConnectionsPerKey),
    connectionKey,
    overload,
    retryAfter: retryAfter === undefined ? undefined : positive('retryAfter', retryAfter, DAY),
  }
}

const most = (name: string, value: number | undefined) =>
  value === undefined ? Number.POSITIVE_INFINITY : positiveInteger(name, value)

/** Counts the streams that are open, in all and for each key. */
export class Limits {
  readonly settings: LimitSettings
  #count = 0
  readonly #counts = new Map<string, number>()

  constructor(settings: LimitSettings) {
    this.settings = settings
  }

  /** Whether streams may be sent away. */
  get limited(): boolean {
    return this.perKey || Number.isFinite(this.settings.maxConnections)
  }

  /** Whether it counts by key. */
  get perKey(): boolean {
    return Number.isFinite(this.settings.maxConnectionsPerKey)
  }

  /** Takes a place, unless there is none: then why. */
  enter(key: string | undefined): 'connections' | 'connections-per-key' | undefined {
    const { maxConnections, maxConnectionsPerKey } = this.settings
    if (this.#count >= maxConnections) return 'connections'
    if (this.perKey && key !== undefined) {
      const count = this.#counts.get(key) ?? 0
      if (count >= maxConnectionsPerKey) return 'connections-per-key'
      this.#counts.set(key, count + 1)
    }
    this.#count += 1
    return undefined
  }

  /** Gives a place back. */
  leave(key: string | undefined): void {
    this.#count -= 1
    if (!this.perKey || key === undefined) return
    const count = (this.#counts.get(key) as number) - 1
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}

/** Whose stream it is, by default. */
export function addressKey({ ip }: Context): string {
  if (!isIPv6(ip) || ip.includes('.')) return ip.replace(/^::ffff:/i, '')
  // Who has one address of IPv6 has 2^64 of them.
  const [front = '', back] = ip.split('::')
  const head = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const zeros = back === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
