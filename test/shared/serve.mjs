// Serves a shared source over Redis, and tells what becomes of it. Its values are 1, 2, 3 …, so that every hole and every double shows.
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'

const { url, share, last } = JSON.parse(process.argv[2])
const sse = new SseRouter({ plugin: redisPlugin({ url, timeout: 500, heartbeat: 500 }) })
const tell = message => process.connected && process.send(message)

async function* count({ signal, position, lastEventId }) {
  tell({ begun: { position, lastEventId } })
  signal.addEventListener('abort', () => tell({ aborted: true }))
  const from = share.resumable ? position : 0
  for (let n = from + 1; n <= last; n += 1) {
    await setTimeout(10, undefined, { signal })
    yield n
  }
  tell({ ended: true })
}

sse.streamGen('/run', count, { share: true, retry: 50, ...share })
const app = new Koa().use(sse.routes())
app.on('error', error => tell({ error: error.code ?? error.message }))
process.on('message', async () => tell({ stats: sse.stats() }))
const server = app.listen(0, '127.0.0.1', () => tell({ port: server.address().port }))
