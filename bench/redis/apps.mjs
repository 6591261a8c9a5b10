// The servers that are compared: each has its event streams at /:channel.
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'

export const EVENTFEED = 'koa-eventfeed'
export const FLASK_SSE = "Flask-SSE's way"
export const PASS_THROUGH = 'Koa + PassThrough'

const apps = { [EVENTFEED]: eventfeed, [FLASK_SSE]: connectionEach, [PASS_THROUGH]: connectionShared }

/** Resolves to the port. */
export async function serve(way, url) {
  const app = apps[way](url)
  app.silent = true
  const listener = app.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return listener.address().port
}

function eventfeed(url) {
  const sse = new SseRouter({ plugin: redisPlugin({ url }) })
  sse.pubSub('/:channel')
  return new Koa().use(sse.routes())
}

// Each client has a connection to Redis of its own, and its own SUBSCRIBE: so it reads and decodes each message for itself.
function connectionEach(url) {
  return new Koa().use(async ctx => {
    const redis = new Redis(url)
    const stream = opened(ctx)
    redis.on('message', (_, text) => stream.write(textOf(text)))
    stream.on('close', () => redis.disconnect())
    await redis.subscribe(ctx.path.slice(1))
    stream.write(HELLO)
  })
}

// The same, but that one connection and one SUBSCRIBE feed all: what is left is what a write for each client costs.
function connectionShared(url) {
  const redis = new Redis(url)
  const streams = new Set()
  redis.on('message', (_, message) => {
    const text = textOf(message)
    for (const stream of streams) stream.write(text)
  })
  return new Koa().use(async ctx => {
    await redis.subscribe(ctx.path.slice(1))
    const stream = opened(ctx)
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
    stream.write(HELLO)
  })
}

const HELLO = 'data: hello\n\n'

function opened(ctx) {
  const stream = new PassThrough()
  ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  ctx.body = stream
  return stream
}

// What is published is an envelope, as Flask-SSE has it: { data, type, id, retry }.
function textOf(envelope) {
  const { data, type } = JSON.parse(envelope)
  return `${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(data)}\n\n`
}
