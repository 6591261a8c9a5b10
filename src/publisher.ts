import type { Context, Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import type { RefusalReason } from './activity.js'
import { flag, oneOf, positive, positiveInteger, wrong } from './checks.js'
import { isCrossSite } from './cross-site.js'
import { type EventFields, ServerSentEvent, TOO_DEEP } from './event.js'
import { addressKey } from './limits.js'
import { faultOf } from './names.js'
import { checkNames } from './options.js'
import { DEFAULT_CHANNEL, type PubSub } from './pubsub.js'
import { Rate } from './rate.js'
import { refusalOf } from './request.js'

/** Options of `publisher`. */
export interface PublisherOptions {
  /** Asked before anything is published, with the channel. What is not `true` is answered 403; throw to answer otherwise. */
  authorize?: ((ctx: Context, channel: string) => boolean | Promise<boolean>) | undefined
  /** The only channel that is published to. Left out: the body's, else the route's parameter `:channel`, else `sse`. */
  channel?: string | ((ctx: Context) => string) | undefined
  /**
   * What the body is: an `event` with `data` and perhaps `channel`, `event`, `id` and `retry`, or the `data` itself.
   * @default 'event'
   */
  body?: 'event' | 'data' | undefined
  /**
   * Most bytes of a body; a larger one is answered 413.
   * @default 65_536
   */
  limit?: number | undefined
  /**
   * Most events that one client publishes a second, or as many at once after a second of silence; one more is answered 429, with
   * `Retry-After`.
   * @default no limit
   */
  rate?: number | undefined
  /**
   * Who is meant by one client, for `rate`: the user's id, say.
   * @default the client's address, `ctx.ip`, of IPv6 its first 64 bits
   */
  rateKey?: ((ctx: Context) => string) | undefined
  /**
   * Whether pages of other origins may publish that no CORS middleware upstream has allowed to; if not, they are answered 403. Forms
   * are refused either way.
   * @default false
   */
  crossSite?: boolean | undefined
}

/** An answer that nothing is published. */
class Refusal {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly kind?: RefusalReason,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

/**
 * Publishes what is posted as JSON: 200 once the plugin has it; 400, 403, 405, 413, 415, 429 for what is not accepted; 503 when the
 * plugin cannot take it.
 *
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function publisher(pubsub: PubSub, options: PublisherOptions = {}): Middleware {
  checkNames('publisher', options)
  const { limit = 65_536, body = 'event', authorize, crossSite = false } = options
  positiveInteger('limit', limit)
  oneOf('body', body, ['event', 'data'])
  flag('crossSite', crossSite)
  const pass = limiter(options)
  const parse = bodyParser({ enableTypes: ['json'], jsonLimit: `${limit}b`, strict: false })

  const isGranted = async (ctx: Context, channel: string) => {
    try {
      return authorize === undefined || (await authorize(ctx, channel)) === true
    } catch (error) {
      const status = refusalOf(error)
      if (status) pubsub.activity.refuse(ctx, 'unauthorized', status)
      throw error
    }
  }

  const publish = async (ctx: Context) => {
    if (!crossSite && isCrossSite(ctx)) throw new Refusal(403, 'A page of another origin sent this', 'cross-site')
    pass(ctx)
    const json = await jsonOf(ctx, parse, limit)
    const { data, channel: named, ...fields } = body === 'data' ? { data: json } : eventOf(json)
    const channel = channelOf(ctx, options.channel, named)
    if (!(await isGranted(ctx, channel))) throw new Refusal(403, 'You may not publish to this channel', 'unauthorized')
    const event = checkedEvent(data, fields)
    const success = jsonText({ status: 'success', message: 'published', data }) // before: once published, nothing may fail
    await send(ctx, pubsub, event, channel)
    ctx.type = 'json'
    ctx.body = success
  }

  return async ctx => {
    if (ctx.method !== 'POST') {
      ctx.set('Allow', 'POST')
      ctx.status = 405
      return
    }
    try {
      await publish(ctx)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.kind) pubsub.activity.refuse(ctx, error.kind, error.status)
      ctx.set(error.headers)
      answer(ctx, error.status, { status: 'fail', message: 'not published', reason: error.reason })
    }
  }
}

function limiter({ rate, rateKey = addressKey }: PublisherOptions): (ctx: Context) => void {
  if (typeof rateKey !== 'function') throw wrong('rateKey', 'a function of ctx', rateKey)
  if (rate === undefined) return () => {}
  const limited = new Rate(positive('rate', rate, 1_000_000))
  return ctx => {
    const key = rateKey(ctx)
    if (typeof key !== 'string') throw new TypeError(`rateKey must return a string, not ${typeof key}`)
    const wait = limited.take(key)
    if (wait === 0) return
    const headers = { 'Retry-After': String(Math.ceil(wait / 1_000)) }
    throw new Refusal(429, `One client may publish ${rate} events a second`, 'rate', headers)
  }
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status
  ctx.body = body
}

async function jsonOf(ctx: Context, parse: Middleware, limit: number): Promise<unknown> {
  if (ctx.is('urlencoded', 'multipart')) throw new Refusal(400, 'Send JSON, not a form')
  if (ctx.request.length !== 0 && ctx.is('json', '+json') === false) throw new Refusal(415, 'Send application/json')
  if (ctx.request.body === undefined && isEncoded(ctx)) throw new Refusal(415, 'Send it without Content-Encoding')
  try {
    await parse(ctx, async () => {})
  } catch (error) {
    const { status } = error as { status?: number }
    throw status === 413 ? tooLarge(limit) : new Refusal(400, 'The body is not JSON')
  }
  const { body, rawBody } = ctx.request as { body?: unknown; rawBody?: string }
  // koa-bodyparser makes {} of an empty body, and other parsers keep no raw one.
  const text = rawBody ?? (hasBody(ctx) ? jsonText(body) : '')
  if (text.trim() === '') throw new Refusal(400, 'The body is empty')
  if (Buffer.byteLength(text) > limit) throw tooLarge(limit)
  return body
}

// What inflates a body is let go of at the limit, and has nobody then to tell that the rest is broken: that ends the process.
const isEncoded = (ctx: Context) => !['', 'identity'].includes(ctx.get('Content-Encoding'))

const hasBody = (ctx: Context) => ctx.request.length > 0 || ctx.get('Transfer-Encoding') !== ''

const tooLarge = (limit: number) => new Refusal(413, `The body may have ${limit} bytes at most`, 'size')

const FIELDS = ['data', 'channel', 'event', 'id', 'retry']

function eventOf(json: unknown): { data: unknown; channel?: unknown } & EventFields {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  if (!isObject || !('data' in json))
    throw new Refusal(400, 'Send an object with data, and perhaps channel, event, id, retry')
  const unknown = Object.keys(json).find(name => !FIELDS.includes(name))
  if (unknown !== undefined) throw new Refusal(400, `An event has no field '${unknown}': send ${FIELDS.join(', ')}`)
  return json as { data: unknown }
}

function channelOf(ctx: Context, option: PublisherOptions['channel'], named: unknown): string {
  const only = typeof option === 'function' ? option(ctx) : option
  if (only !== undefined && named !== undefined && named !== only)
    throw new Refusal(400, `This publishes to '${only}' only`)
  const channel = only ?? named ?? ctx.params?.channel ?? DEFAULT_CHANNEL
  const fault = faultOf(channel)
  if (fault !== undefined) throw new Refusal(400, fault)
  return channel as string
}

function checkedEvent(data: unknown, fields: EventFields): ServerSentEvent {
  try {
    return new ServerSentEvent(data, fields)
  } catch (error) {
    throw new Refusal(400, (error as Error).message)
  }
}

// JSON can be read nested deeper than it can be written.
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    throw new Refusal(400, TOO_DEEP)
  }
}

async function send(ctx: Context, pubsub: PubSub, event: ServerSentEvent, channel: string): Promise<void> {
  try {
    await pubsub.publish(event, { channel })
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(400, error.message) // the plugin cannot carry such an event
    pubsub.activity.fail({ error, channel })
    ctx.app.emit('error', error, ctx)
    throw new Refusal(503, 'The event could not be published; try again')
  }
}
