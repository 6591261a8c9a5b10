// Serves every kind of mount: node app.mjs koa|koa2 mitt|redis http|http2. Prints its address.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerSentEvent, SseRouter } from 'koa-eventfeed'

const [koa, plugin, protocol] = process.argv.slice(2)
const { default: Koa } = await import(koa)
const { [`${plugin}Plugin`]: carrying } = await import(`koa-eventfeed/plugins/${plugin}`)

async function* count({ signal, lastEventId = '0' }) {
  for (let n = Number(lastEventId) + 1; n <= 3; n += 1) yield new ServerSentEvent({ n }, { event: 'step', id: n })
  await sleep(60_000, undefined, { signal })
}

const sse = new SseRouter({ plugin: carrying() })
sse.streamFunc('/function', () => new ServerSentEvent({ now: Date.now() }, { event: 'step' }), { interval: 20 })
sse.streamGen('/generator', count)
sse.streamGen('/shared', count, { share: true })
sse.pubSub('/channel')
sse.publisher('/publish')
await sse.ready()

const listener = new Koa().use(sse.routes()).use(sse.allowedMethods()).callback()
const pem = name => readFileSync(new URL(name, import.meta.url))
const server =
  protocol === 'http2'
    ? http2.createSecureServer({ key: pem('server.key.pem'), cert: pem('server.pem'), allowHTTP1: true }, listener)
    : http.createServer(listener)
await once(server.listen(0, '127.0.0.1'), 'listening')
console.log(`${protocol === 'http2' ? 'https' : 'http'}://localhost:${server.address().port}`)
process.once('SIGTERM', async () => {
  await sse.close()
  server.close()
})
