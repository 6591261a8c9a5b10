import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import { Connection } from './connection.js'
import { encodeEvent } from './encoder.js'
import { ServerSentEvent } from './event.js'
import { handOver } from './handover.js'
import {
  checkNames,
  type FuncOptions,
  pollSettings,
  type SourceOptions,
  type SourceSettings,
  sourceSettings,
} from './options.js'
import { poll } from './poll.js'
import { admit, lastEventId } from './request.js'
import { areValues, type StreamRequest, sendAll, type Values } from './source.js'

/** What `streamGen` streams: values, or a function that makes them for each client. */
export type Source = Values | ((request: StreamRequest) => Values | Promise<Values>)

/** What `streamFunc` calls. */
export type Func = (request: StreamRequest) => unknown

/** Koa middleware that answers with an event stream. */
export interface StreamMiddleware extends Middleware {
  /** Ends all of its streams, and those that are still asked for. Resolves when their responses are closed. */
  close(): Promise<void>
}

/**
 * Streams what a function returns, called once every `interval` for each client.
 *
 * @param func Its result, awaited, is an event's data or a `ServerSentEvent`; `undefined` sends nothing. If it throws, the error
 * goes to the app's `error` event and the stream ends.
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function streamFunc(func: Func, options: FuncOptions = {}): StreamMiddleware {
  if (typeof func !== 'function') throw new TypeError(`streamFunc takes a function, not ${typeof func}`)
  checkNames('streamFunc', options)
  const polling = pollSettings(options)
  return mount(sourceSettings(options), request => poll(() => func(request), polling, request.signal))
}

/**
 * Streams the values of a sync or async iterable, or of what a function returns: a generator that each client runs on its own.
 *
 * The function is called before anything is sent, so `ctx.throw(404)` in it works as in any middleware; a generator's body runs
 * once all middleware has unwound. If it throws before its first event and within one turn of the event loop, that too is an
 * ordinary HTTP error; later, the error goes to the app's `error` event and the stream ends.
 *
 * @throws TypeError or RangeError for a source or options that cannot be used.
 */
export function streamGen(source: Source, options: SourceOptions = {}): StreamMiddleware {
  checkSource(source)
  checkNames('streamGen', options)
  return mount(sourceSettings(options), request => (typeof source === 'function' ? source(request) : source))
}

/** Names the end of a finite stream: its event type, and the last event ID that a browser then reconnects with. */
const STREAM_END = 'stream-end'
const END_EVENT = encodeEvent(new ServerSentEvent({}, { event: STREAM_END, id: STREAM_END }))

function mount(settings: SourceSettings, open: (request: StreamRequest) => Values | Promise<Values>): StreamMiddleware {
  const connections = new Set<Connection>()
  let closing = false

  const stream = async (ctx: Context, seen: string | undefined) => {
    const connection = new Connection(ctx, settings, () => connections.delete(connection))
    connections.add(connection)
    const request = {
      ctx,
      lastEventId: seen,
      get signal() {
        return connection.signal
      },
    }
    const values = closing ? [] : await open(request)
    if (!areValues(values))
      throw new TypeError('The function of a streamGen must return an iterable or an async iterable')
    connection.respond()
    void sendAll(values, connection).then(async ended => {
      if (closing) await connection.close()
      else if (ended) connection.end(settings.end ? END_EVENT : '')
    })
  }

  const middleware = async (ctx: Context) => {
    const verdict = await admit(ctx, settings)
    if (verdict === 'refused') return
    const seen = lastEventId(ctx)
    if (settings.end && seen === STREAM_END) ctx.status = 204
    else if (verdict === 'head') handOver(ctx, Readable.from([]), settings.compress, () => false)
    else await stream(ctx, seen)
  }

  const close = async () => {
    closing = true
    await Promise.all([...connections].map(connection => connection.close()))
  }

  return Object.assign(middleware, { close })
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
