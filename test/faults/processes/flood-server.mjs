// A server with limits, as it would face the open internet.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { answer, options, tell } from './answer.mjs'

const { places, rate, http } = options
const sse = new SseRouter({ maxConnections: places })
sse.publisher('/publish', { rate })
sse.pubSub('/:channel')

const app = new Koa()
app.on('error', error => tell('error', String(error.stack)))
app.use(sse.routes()).use(sse.allowedMethods())
const server = createServer(http, app.callback())
await once(server.listen(0, '127.0.0.1'), 'listening')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

/** Bytes: what is in use, and the most that the system has ever given to this process. */
function memory() {
  collect()
  return { heap: process.memoryUsage().heapUsed, peak: process.resourceUsage().maxRSS * 1_024 }
}

answer({ memory, stats: () => sse.stats(), publish: data => sse.publish(data, { channel: 'news' }) })
tell('ready', server.address().port)
