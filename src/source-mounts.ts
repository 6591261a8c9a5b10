import type { Context } from 'koa'
import type { Connection } from './connection.js'
import { END_EVENT, type Mount, mount, type StreamMiddleware } from './mount.js'
import {
  checkNames,
  type FuncOptions,
  type PollSettings,
  pollSettings,
  type Shared,
  type SourceOptions,
  type SourceSettings,
  shareSettings,
  sourceSettings,
} from './options.js'
import type { RunPlace } from './place.js'
import { poll } from './poll.js'
import { mountShared } from './shared-mounts.js'
import { areValues, type SharedRequest, type StreamRequest, sendAll, type Values } from './source.js'

/** What `streamGen` streams: values, or a function that makes them for each client, or for each run if it is shared. */
export type Source<Request = StreamRequest> = Values | ((request: Request) => Values | Promise<Values>)

/** What `streamFunc` calls. */
export type Func<Request = StreamRequest> = (request: Request) => unknown

/**
 * Streams what a function returns, called once every `interval` for each client.
 *
 * @param func Its result, awaited, is an event's data or a `ServerSentEvent`; `undefined` sends nothing. If it throws, the error
 * goes to the app's `error` event and the stream ends.
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function streamFunc(func: Func<SharedRequest>, options: FuncOptions & Shared): StreamMiddleware
export function streamFunc(func: Func, options?: FuncOptions): StreamMiddleware
export function streamFunc(func: Func<SharedRequest>, options: FuncOptions = {}): StreamMiddleware {
  return mountFunc(func, options)
}

/** `streamFunc`, with where its runs are kept if it is shared. @internal */
export function mountFunc(func: Func<SharedRequest>, options: FuncOptions, place?: RunPlace): Mount {
  if (typeof func !== 'function') throw new TypeError(`streamFunc takes a function, not ${typeof func}`)
  checkNames('streamFunc', options)
  const polling = pollSettings(options)
  const open: Open = request => {
    const { position = 0, signal } = request
    return poll(() => func(request as SharedRequest), left(polling, position), signal)
  }
  const share = shareSettings(options, true)
  return share
    ? mountShared(sourceSettings(options), share, open, place)
    : mountSource(sourceSettings(options), open, place)
}

// Where a run is taken over, the events that it has had count.
const left = (polling: PollSettings, done: number) => ({ ...polling, limit: Math.max(0, polling.limit - done) })

/**
 * Streams the values of a sync or async iterable, or of what a function returns: a generator that each client runs on its own.
 *
 * The function is called before anything is sent, so `ctx.throw(404)` in it works as in any middleware; a generator's body runs
 * once all middleware has unwound. If it throws before its first event and within one turn of the event loop, that too is an
 * ordinary HTTP error; later, the error goes to the app's `error` event and the stream ends.
 *
 * @throws TypeError or RangeError for a source or options that cannot be used.
 */
export function streamGen(source: Source<SharedRequest>, options: SourceOptions & Shared): StreamMiddleware
export function streamGen(source: Source, options?: SourceOptions): StreamMiddleware
export function streamGen(source: Source<SharedRequest>, options: SourceOptions = {}): StreamMiddleware {
  return mountGen(source, options)
}

/** `streamGen`, with where its runs are kept if it is shared. @internal */
export function mountGen(source: Source<SharedRequest>, options: SourceOptions, place?: RunPlace): Mount {
  checkSource(source)
  checkNames('streamGen', options)
  const open: Open = request => (typeof source === 'function' ? source(request as SharedRequest) : source)
  const share = shareSettings(options, false)
  return share
    ? mountShared(sourceSettings(options), share, open, place)
    : mountSource(sourceSettings(options), open, place)
}

// The overloads above see to it that only a shared source asks for what only that is told.
type Open = (request: StreamRequest & Partial<SharedRequest>) => Values | Promise<Values>

function mountSource(settings: SourceSettings, open: Open, place: RunPlace | undefined): Mount {
  return mount(settings, place, async ({ ctx, connection, lastEventId }) => {
    const values = await open(new OpenRequest(ctx, lastEventId, connection))
    if (!areValues(values))
      throw new TypeError('The function of a streamGen must return an iterable or an async iterable')
    return () => void sendAll(values, connection, settings.end ? END_EVENT : '')
  })
}

const CONNECTION = Symbol('connection')

// Its signal is made when it is asked for. The accessor is its own, so that a copy by spreading has it, and one for all: a literal's
// getter would be another for each client.
class OpenRequest implements StreamRequest {
  readonly ctx: Context
  readonly lastEventId: string | undefined
  declare readonly signal: AbortSignal
  declare readonly [CONNECTION]: Connection

  constructor(ctx: Context, lastEventId: string | undefined, connection: Connection) {
    this.ctx = ctx
    this.lastEventId = lastEventId
    Object.defineProperty(this, CONNECTION, { value: connection })
    Object.defineProperty(this, 'signal', SIGNAL)
  }
}

const SIGNAL = {
  enumerable: true,
  get(this: OpenRequest): AbortSignal {
    return this[CONNECTION].signal
  },
}

function checkSource(source: unknown): void {
  if (typeof source === 'function') return
  if (!areValues(source)) {
    throw new TypeError(
      `streamGen takes an iterable, an async iterable, or a function that returns one, not ${typeof source}`,
    )
  }
  if ('next' in source || 'read' in source || 'getReader' in source) {
    throw new TypeError(
      'This source can be read only once, by one client: give streamGen a function that makes one for each',
    )
  }
}
