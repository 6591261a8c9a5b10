import Router from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import {
  PubSub,
  publisher,
  pubSub,
  ServerSentEvent,
  type SharedRequest,
  SseRouter,
  type StreamMiddleware,
  type StreamRequest,
  streamFunc,
  streamGen,
} from 'koa-eventfeed'
import { exactly } from './exactly.js'

const sse = new SseRouter({ prefix: '/sse', sensitive: true, maxLog: 1_024, coalesce: 5, plugin: undefined })
const pubsub = new PubSub()
class Feeds extends SseRouter {
  readonly title = 'Feeds'
}

// A router is one of @koa/router's, its mounts are chained, and its subclasses stay themselves.
exactly<PubSub>()(sse.pubsub)
exactly<SseRouter>()(sse.streamFunc('/a', Date.now).streamGen('/b', [1, 2]).pubSub('/c').publisher('/d'))
exactly<Feeds>()(new Feeds().streamFunc('/a', Date.now).streamGen('/b', [1]).streamGen('/c', [1], { share: true }))
exactly<Feeds>()(new Feeds().streamFunc('/a', Date.now, { share: true }).pubSub('/b').publisher('/c'))
new Koa().use(sse.routes()).use(sse.allowedMethods())
new Router().use('/nested', sse.routes())

// The same mounts as middleware.
exactly<StreamMiddleware>()(streamFunc(Date.now))
exactly<StreamMiddleware>()(streamGen([new ServerSentEvent('a'), 'b', { c: 1 }, undefined]))
exactly<StreamMiddleware>()(pubSub(pubsub))
exactly<Middleware>()(publisher(pubsub))
new Koa().use(streamGen(async () => [1])).use(publisher(pubsub))
exactly<Promise<void>>()(streamFunc(Date.now).close())
exactly<Promise<number>>()(sse.disconnect(ctx => exactly<Context>()(ctx) === undefined))

// What a source is told of its request; only a shared one has a run.
streamFunc(request => exactly<StreamRequest>()(request))
streamGen(function* ({ ctx, signal, lastEventId }) {
  exactly<Context>()(ctx)
  exactly<AbortSignal>()(signal)
  exactly<string | undefined>()(lastEventId)
  yield 1
})
streamFunc(request => exactly<SharedRequest>()(request), { share: true })
sse.streamGen(
  '/:id',
  async function* ({ key, position }) {
    yield key.repeat(position)
  },
  { share: async ctx => ctx.path, replay: 'latest', pace: 'nobody' },
)
// @ts-expect-error: there is no key without share
streamGen(({ key }) => [key])
// @ts-expect-error: nor one of a source that is not shared
streamGen(({ key }) => [key], { share: false })
// @ts-expect-error: on a router neither
sse.streamGen('/:id', ({ key }) => [key], {})
// @ts-expect-error: and a function has none
sse.streamFunc('/:id', ({ position }) => position)

// What is no source.
// @ts-expect-error: a function, not its result
streamFunc(Date.now())
// @ts-expect-error: a number cannot be iterated
streamGen(7)
// @ts-expect-error: nor can what the function returns
streamGen(() => 7)

// Options: `undefined` is as if left out, and a wrong type or name is refused.
streamFunc(Date.now, {
  interval: undefined,
  limit: undefined,
  changes: undefined,
  authorize: undefined,
  retry: undefined,
})
streamGen([1], { methods: ['GET', 'POST'] as const, keepAlive: false, writeTimeout: false, end: false })
// @ts-expect-error: milliseconds
streamFunc(Date.now, { interval: '1s' })
// @ts-expect-error: false or milliseconds
streamFunc(Date.now, { keepAlive: true })
// @ts-expect-error: an option of streamFunc
streamGen([1], { interval: 1_000 })
// @ts-expect-error: a list
streamGen([1], { methods: 'POST' })
// @ts-expect-error: true, false or a promise of one of them
streamGen([1], { authorize: ctx => ctx.get('X-User') })
// @ts-expect-error: all, latest or none
streamGen([1], { share: true, replay: 'some' })

pubSub(pubsub, { channel: ctx => [ctx.path], whenBehind: 'latest', channelIn: 'event', anchor: false })
sse.pubSub('/:channel', { authorize: async (_ctx, channels) => channels.includes('news') })
// @ts-expect-error: the channels of a request cannot be added to
sse.pubSub('/:channel', { authorize: (_ctx, channels) => channels.push('news') > 0 })
// @ts-expect-error: catch-up, latest or close
sse.pubSub('/:channel', { whenBehind: 'drop' })
// @ts-expect-error: a channel's name is text
sse.pubSub('/:channel', { channel: 7 })

sse.publisher('/publish', { authorize: (_ctx, channel) => channel === 'news', channel: ctx => ctx.path, body: 'data' })
// @ts-expect-error: event or data
sse.publisher('/publish', { body: 'text' })
// @ts-expect-error: not the channels of a pubSub
sse.publisher('/publish', { channel: ['a', 'b'] })

exactly<Promise<void>>()(sse.close())
exactly<Promise<void>>()(sse.begin({} as Context, 'key', '/:id'))
exactly<Promise<void>>()(sse.cancel('key'))
// @ts-expect-error: no option of @koa/router or of ours
new SseRouter({ prefx: '/sse' })
// @ts-expect-error: a plugin is what a function like mittPlugin returns
new SseRouter({ plugin: 'redis' })
