// Whatever is posted as JSON reaches every client of the stream, and so does: redis-cli PUBLISH sse hello
import cors from '@koa/cors'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { relayOf } from './plugin.js'

const channel = 'sse'
const sse = new SseRouter({ plugin: relayOf('publish', 'raw') })

sse.publisher('/publish', { body: 'data', channel })
sse.pubSub('/sse', { channel, retry: 1_000 })

export const app = new Koa()
// Any page may read and publish. Name your own: cors({ origin: 'https://www.example.com' })
app.use(cors()).use(sse.routes()).use(sse.allowedMethods())
