import type { Context } from 'koa'
import type { ChannelSettings } from './channel.js'
import { flag, knownNames, MAX_TIMEOUT, oneOf, positive, positiveInteger, wrong } from './checks.js'
import type { WhenBehind } from './cursor.js'
import { retryTime } from './event.js'
import { LIMIT_OPTIONS, type LimitOptions, limitSettings } from './limits.js'
import type { MountSettings } from './mount.js'
import type { Access } from './request.js'
import { SHARE_OPTIONS, type ShareOptions } from './share.js'
import type { ChannelIn } from './vector-followers.js'

export { type Shared, type ShareOptions, shareSettings } from './share.js'

/** Options that every stream takes. */
export interface StreamOptions extends LimitOptions {
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
   * The event that goes past them is still taken whole.
   * @default 65_536
   */
  maxBuffered?: number | undefined
  /**
   * Milliseconds after which a client is cut off that takes nothing of what waits for it; `false` waits for any time.
   * @default false; 60_000 for `pubSub`
   */
  writeTimeout?: number | false | undefined
  /**
   * Asked before anything else, each time that a client connects or reconnects. What is not `true` is answered 403; throw
   * (`ctx.throw(401)`) to answer otherwise. A `Date` grants access until then: the stream is ended at that time, and its client
   * comes back about a second later, to be asked anew.
   */
  authorize?: ((ctx: Context) => Access | Promise<Access>) | undefined
  /**
   * Milliseconds after which a stream is ended, so that its client comes back, to another process perhaps. Each is ended a little
   * sooner, by a tenth at most, so that not all come back at once.
   * @default no limit
   */
  maxDuration?: number | undefined
  /**
   * Lets middleware upstream compress the stream: leaves `no-transform` out of `Cache-Control`. The middleware has to flush after
   * each write, or events wait in its buffer; the README has the options of koa-compress.
   * @default false
   */
  compress?: boolean | undefined
}

/** Options of streams that come from a function or a generator. */
export interface SourceOptions extends StreamOptions, ShareOptions {
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

/** Options of `pubSub`. */
export interface ChannelOptions extends Omit<StreamOptions, 'authorize'> {
  /**
   * Which channels a request reads: a name, a list, or a function of `ctx`. Left out: the route's parameter `:channel`, else the
   * query's `channel` (once or several times), else `sse`.
   */
  channel?: string | readonly string[] | ((ctx: Context) => string | readonly string[]) | undefined
  /**
   * Asked before anything else, with all channels that the request would read. What is not `true` is answered 403; throw
   * (`ctx.throw(401)`) to answer otherwise. A `Date` grants access until then, as for any stream.
   */
  authorize?: ((ctx: Context, channels: readonly string[]) => Access | Promise<Access>) | undefined
  /**
   * Most channels that one request may read; one that asks for more is answered 400.
   * @default 32
   */
  maxChannels?: number | undefined
  /**
   * What a client gets that has been slow: all that it missed (or `stream-reset` where that is no longer held), only the `latest`
   * event, or its stream is closed, so that it reconnects.
   * @default 'catch-up'
   */
  whenBehind?: WhenBehind | undefined
  /**
   * Begins the stream with `stream-open`, whose id lets a client resume that is cut before its first event.
   * @default true
   */
  anchor?: boolean | undefined
  /**
   * How a page that reads several channels tells them apart: `data` sends `{"channel":…,"data":…}` with the data as a string,
   * `event` puts the channel before the event type (`news:message`). Left out, events do not tell their channel.
   */
  channelIn?: ChannelIn | undefined
}

/** Bounds of each channel in this process. */
export interface PubSubLimits {
  /**
   * Bytes of encoded events that are held for clients that are behind, all in one. Past them they catch up from history.
   * @default 1_048_576
   */
  maxLog?: number | undefined
  /**
   * Most events of history that one client is given when it comes back; who missed more is told so.
   * @default 10_000
   */
  maxReplay?: number | undefined
  /**
   * Least milliseconds between two rounds of writing to the clients of a channel: more latency, fewer writes.
   * @default 0
   */
  coalesce?: number | undefined
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
export type SourceSettings = MountSettings

/** How events of channels appear in a stream. */
export interface ChannelStreamSettings {
  readonly whenBehind: WhenBehind
  /** Whether the stream begins with `stream-open`. */
  readonly anchor: boolean
  readonly channelIn: ChannelIn | undefined
  /** Most channels that one request may read. */
  readonly maxChannels: number
}

/** Checked options of `streamFunc`. */
export interface PollSettings {
  readonly interval: number
  readonly limit: number
  readonly changes: boolean
}

/** @throws TypeError or RangeError for an option that is not known, or whose value cannot be used. */
export function sourceSettings(options: SourceOptions): SourceSettings {
  const {
    keepAlive = 15_000,
    retry,
    maxBuffered = 65_536,
    writeTimeout = false,
    authorize,
    compress = false,
    maxDuration,
    methods = ['GET'],
    end = true,
  } = options
  if (authorize !== undefined && typeof authorize !== 'function')
    throw wrong('authorize', 'a function of ctx', authorize)
  return {
    keepAlive: keepAlive === false ? false : positive('keepAlive', keepAlive, MAX_TIMEOUT),
    retry: retry === undefined ? undefined : retryTime(retry),
    maxBuffered: positiveInteger('maxBuffered', maxBuffered),
    writeTimeout: writeTimeout === false ? false : positive('writeTimeout', writeTimeout, MAX_TIMEOUT),
    authorize,
    compress: flag('compress', compress),
    maxDuration: maxDuration === undefined ? undefined : positive('maxDuration', maxDuration, Number.MAX_SAFE_INTEGER),
    limits: limitSettings(options),
    methods: methodNames(methods),
    end: flag('end', end),
  }
}

/** @throws TypeError or RangeError for a value that cannot be used. */
export function pubSubLimits({ maxLog = 1_048_576, maxReplay = 10_000, coalesce = 0 }: PubSubLimits): ChannelSettings {
  return {
    maxLog: positiveInteger('maxLog', maxLog),
    maxReplay: positiveInteger('maxReplay', maxReplay),
    coalesce: coalesce === 0 ? 0 : positive('coalesce', coalesce, MAX_TIMEOUT),
  }
}

/** @throws TypeError for a value that cannot be used. */
export function channelSettings(options: ChannelOptions): ChannelStreamSettings {
  const { whenBehind = 'catch-up', anchor = true, channelIn, maxChannels = 32 } = options
  return {
    maxChannels: positiveInteger('maxChannels', maxChannels),
    whenBehind: oneOf('whenBehind', whenBehind, ['catch-up', 'latest', 'close']),
    anchor: flag('anchor', anchor),
    channelIn: channelIn === undefined ? undefined : oneOf<ChannelIn>('channelIn', channelIn, ['data', 'event']),
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

const STREAM_OPTIONS = [
  ...['keepAlive', 'retry', 'maxBuffered', 'writeTimeout', 'authorize', 'maxDuration', 'compress'],
  ...LIMIT_OPTIONS,
]
const OPTIONS = {
  streamGen: [...STREAM_OPTIONS, 'methods', 'end', ...SHARE_OPTIONS],
  streamFunc: [...STREAM_OPTIONS, 'methods', 'end', 'interval', 'limit', 'changes', ...SHARE_OPTIONS],
  pubSub: [...STREAM_OPTIONS, 'channel', 'whenBehind', 'anchor', 'channelIn', 'maxChannels'],
  PubSub: ['plugin', 'onError', 'maxLog', 'maxReplay', 'coalesce'],
  SseRouter: [
    ...['plugin', 'maxLog', 'maxReplay', 'coalesce', ...LIMIT_OPTIONS],
    ...['prefix', 'host', 'methods', 'exclusive', 'sensitive', 'strict', 'routerPath'], // of @koa/router
  ],
  publish: ['channel', 'event', 'id', 'retry', 'allowReserved'],
  publisher: ['authorize', 'channel', 'body', 'limit', 'rate', 'rateKey', 'crossSite'],
}

/** @throws TypeError for options that are no object, or a name among them that is not known. */
export function checkNames(taker: keyof typeof OPTIONS, options: unknown): void {
  knownNames(taker, OPTIONS[taker], options)
}

function methodNames(methods: unknown): readonly string[] {
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every(name => typeof name === 'string')) {
    throw wrong('methods', "a list of HTTP methods such as ['GET', 'POST']", methods)
  }
  const names = methods.map(name => name.toUpperCase())
  return names.includes('GET') ? [...new Set([...names, 'HEAD'])] : names
}
