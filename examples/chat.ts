// Each room is a channel. Who enters one sees its last messages first, then each new one.
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'

const RECENT = 20
const WEEK = 604_800_000
const path = '/rooms/:channel'
const sse = new SseRouter({ plugin: mittPlugin({ history: { count: 100, age: WEEK } }) })

// The positions in each room from the one before its last messages to the newest.
const rooms = new Map<string, string[]>()
for (const room of ['lobby', 'kitchen', 'garden']) rooms.set(room, [await sse.pubsub.position(room)])

function positionsIn(ctx: Context): string[] {
  return rooms.get(ctx.params.channel) ?? ctx.throw(404, `The rooms are ${[...rooms.keys()].join(', ')}`)
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longest
}

sse.post(path, async ctx => {
  const positions = positionsIn(ctx)
  const { name, text } = ctx.request.body as { name?: unknown; text?: unknown }
  if (!isText(name, 40) || !isText(text, 1_000)) {
    ctx.throw(400, 'Send JSON with a name of up to 40 characters and a text of up to 1000')
  }
  positions.push(await sse.publish({ name, text, time: new Date() }, { channel: ctx.params.channel }))
  if (positions.length > RECENT + 1) positions.shift()
  ctx.status = 204
})

// A newcomer starts before the last messages. Who comes back says in a header where it was, and that wins.
sse.get(path, (ctx, next) => {
  ctx.query = { lastEventId: positionsIn(ctx)[0], ...ctx.query }
  return next()
})
sse.pubSub(path, { retry: 1_000 })

export const app = new Koa()
app.use(bodyParser({ enableTypes: ['json'] }))
app.use(sse.routes()).use(sse.allowedMethods())
