import type { Context } from 'koa'
import type { ConnectionSettings } from './connection.js'
import { retryTime } from './event.js'

/** Options that every stream takes. */
export interface StreamOptions {
  /**
   * Milliseconds of silence after which a comment is sent, so that no proxy takes the stream for dead (nginx does after 60 s).
   * `false` sends none.
   * @default 15_000
   */
  keepAlive?: number | false | undefined
  /** Milliseconds that a client waits before it reconnects, sent when the stream opens. Left out, browsers wait some 3 seconds. */
  retry?: number | undefined
  /**
   * Bytes that may wait for a client that does not read. Past them its source is held back: no event is lost, no memory grows.
   * @default 65_536
   */
  maxBuffered?: number | undefined
  /** Asked before anything else. What is not `true` is answered 403; throw (`ctx.throw(401)`) to answer otherwise. */
  authorize?: ((ctx: Context) => boolean | Promise<boolean>) | undefined
  /**
   * Lets middleware upstream compress the stream: leaves `no-transform` out of `Cache-Control`. The middleware has to flush
   * (koa-compress: `flush: constants.Z_SYNC_FLUSH`), or events wait in its buffer.
   * @default false
   */
  compress?: boolean | undefined
}

/** Options of streams that come from a function or a generator. */
export interface SourceOptions extends StreamOptions {
  /**
   * Methods that are answered; HEAD always goes with GET.
   * @default ['GET']
   */
  methods?: readonly string[] | undefined
  /**
   * Marks the end of a finite stream with an event `stream-end`. The reconnect that a browser then makes by itself is answered
   * 204, which stops it for good, so that a job runs once. `false` sends no such event: the browser reconnects and the source
   * runs again.
   * @default true
   */
  end?: boolean | undefined
}

/** Options of `streamFunc`. */
export interface FuncOptions extends SourceOptions {
  /**
   * Milliseconds from one call to the next. A call that takes longer delays the next; calls never overlap.
   * @default 1_000
   */
  interval?: number | undefined
  /**
   * How many events are sent before the stream ends; 0 sends none, -1 never ends.
   * @default -1
   */
  limit?: number | undefined
  /**
   * Sends a result only if it differs from the last one that was sent.
   * @default false
   */
  changes?: boolean | undefined
}

/** Checked options of a mount. */
export interface SourceSettings extends ConnectionSettings {
  readonly authorize: StreamOptions['authorize']
  readonly methods: readonly string[]
  readonly end: boolean
}

/** Checked options of `streamFunc`. */
export interface PollSettings {
  readonly interval: number
  readonly limit: number
  readonly changes: boolean
}

const MAX_TIMEOUT = 2 ** 31 - 1

/** @throws TypeError or RangeError for an option that is not known, or whose value cannot be used. */
export function sourceSettings(options: SourceOptions): SourceSettings {
  const {
    keepAlive = 15_000,
    retry,
    maxBuffered = 65_536,
    authorize,
    compress = false,
    methods = ['GET'],
    end = true,
  } = options
  if (authorize !== undefined && typeof authorize !== 'function')
    throw wrong('authorize', 'a function of ctx', authorize)
  return {
    keepAlive: keepAlive === false ? false : positive('keepAlive', keepAlive, MAX_TIMEOUT),
    retry: retry === undefined ? undefined : retryTime(retry),
    maxBuffered: positive('maxBuffered', maxBuffered, Number.MAX_SAFE_INTEGER),
    authorize,
    compress: flag('compress', compress),
    methods: methodNames(methods),
    end: flag('end', end),
  }
}

/** @throws TypeError or RangeError for a value that cannot be used. */
export function pollSettings({ interval = 1_000, limit = -1, changes = false }: FuncOptions): PollSettings {
  if (typeof limit !== 'number') throw wrong('limit', 'an integer', limit)
  if (!Number.isInteger(limit) || limit < -1) {
    throw new RangeError(`limit must be -1 (no end), 0 or a positive integer, not ${limit}`)
  }
  return {
    interval: positive('interval', interval, MAX_TIMEOUT),
    limit: limit === -1 ? Number.POSITIVE_INFINITY : limit,
    changes: flag('changes', changes),
  }
}

const SOURCE_OPTIONS = ['keepAlive', 'retry', 'maxBuffered', 'authorize', 'compress', 'methods', 'end'] as const
const FUNC_OPTIONS = [...SOURCE_OPTIONS, 'interval', 'limit', 'changes'] as const

/** @throws TypeError for options that are no object, or a name among them that is not known. */
export function checkNames(mount: 'streamFunc' | 'streamGen', options: unknown): void {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object', options)
  const known: readonly string[] = mount === 'streamFunc' ? FUNC_OPTIONS : SOURCE_OPTIONS
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`${mount} has no option '${unknown}': it takes ${known.join(', ')}`)
}

function positive(name: string, value: unknown, max: number): number {
  if (typeof value !== 'number') throw wrong(name, 'a number', value)
  if (value > 0 && value <= max) return value
  throw new RangeError(`${name} must be a positive number of at most ${max}, not ${value}`)
}

function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(name, 'true or false', value)
}

function methodNames(methods: unknown): readonly string[] {
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every(name => typeof name === 'string')) {
    throw wrong('methods', "a list of HTTP methods such as ['GET', 'POST']", methods)
  }
  const names = methods.map(name => name.toUpperCase())
  return names.includes('GET') ? [...new Set([...names, 'HEAD'])] : names
}

function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${value === null ? 'null' : typeof value}`)
}
