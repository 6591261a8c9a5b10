// The server's local time, once a second: curl -N localhost:3000/eventfeed
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'

export const sse = new SseRouter()

// Sweden writes its dates the ISO way: YYYY-MM-DD HH:MM:SS.
sse.streamFunc('/eventfeed', () => new Date().toLocaleString('sv-SE'), { interval: 1_000 })

export const app = new Koa()
app.use(sse.routes()).use(sse.allowedMethods())
