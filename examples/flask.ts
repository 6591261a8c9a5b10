// The quickstart of Flask-SSE. Over Redis it speaks its format: a Flask application and this one reach each other's clients.
import Koa, { type Context } from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { relayOf } from './plugin.js'

// The prefix keeps its channel `sse` apart from that of publish.ts. Without one, the names are those that Flask-SSE uses.
export const sse = new SseRouter({ plugin: relayOf('flask', 'flask-sse', 'flask:') })

// Your session or token in earnest.
const isAdmin = (ctx: Context) => ctx.get('X-User') === 'admin'

sse.get('/hello', async ctx => {
  await sse.publish({ message: 'Hello!' }, { event: 'greeting' })
  ctx.body = 'Message sent!'
})
// /stream?channel=users.social reads that channel, /stream the channel `sse`.
sse.pubSub('/stream', {
  authorize: (ctx, channels) => !channels.includes('analytics') || isAdmin(ctx),
  retry: 1_000,
})

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
