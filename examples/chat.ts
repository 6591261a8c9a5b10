// Each room is a channel. Who enters one sees its last messages first, then each new one.
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { SseRouter } from 'koa-eventfeed'
import { channelsOf, redis } from './plugin.js'

const RECENT = 20
const WEEK = 604_800_000
const ROOMS = ['lobby', 'kitchen', 'garden']
const path = '/rooms/:channel'
export const sse = new SseRouter({ plugin: channelsOf('chat', { count: 100, age: WEEK }) })
const memory = new Map<string, string[]>()

/** Keeps the positions before the last messages of a room: in Redis, where all processes find them. */
async function remember(room: string, position: string): Promise<void> {
  const key = `examples:chat:${room}`
  if (redis) await redis.multi().rpush(key, position).ltrim(key, -RECENT, -1).pexpire(key, WEEK).exec()
  else memory.set(room, [...(memory.get(room) ?? []), position].slice(-RECENT))
}

/** Where a newcomer starts; undefined where there is nothing to show. */
async function start(room: string): Promise<string | undefined> {
  const first = redis ? await redis.lindex(`examples:chat:${room}`, 0) : memory.get(room)?.[0]
  return first ?? undefined
}

function roomOf(ctx: Context): string {
  const room = ctx.params.channel
  return ROOMS.includes(room) ? room : ctx.throw(404, `The rooms are ${ROOMS.join(', ')}`)
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longest
}

sse.post(path, async ctx => {
  const room = roomOf(ctx)
  const { name, text } = ctx.request.body as { name?: unknown; text?: unknown }
  if (!isText(name, 40) || !isText(text, 1_000)) {
    ctx.throw(400, 'Send JSON with a name of up to 40 characters and a text of up to 1000')
  }
  await remember(room, await sse.pubsub.position(room))
  await sse.publish({ name, text, time: new Date() }, { channel: room })
  ctx.status = 204
})

// A newcomer starts before the last messages. Who comes back says in a header where it was, and that wins.
sse.get(path, async (ctx, next) => {
  const lastEventId = await start(roomOf(ctx)).catch(() => undefined) // without Redis: from when it is back
  ctx.query = { ...(lastEventId && { lastEventId }), ...ctx.query }
  return next()
})
sse.pubSub(path, { retry: 1_000 })

export const app = new Koa()
app.use(bodyParser({ enableTypes: ['json'] }))
app.use(sse.routes()).use(sse.allowedMethods())
