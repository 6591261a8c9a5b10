import { once } from 'node:events'
import Koa from 'koa'
import { ServerSentEvent, SseRouter } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'

const sse = new SseRouter()
sse.streamGen('/greetings', function* () {
  yield new ServerSentEvent({ hello: 'modules' }, { event: 'greeting', id: '1' })
})
const app = new Koa().use(sse.routes())
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

const response = await fetch(`http://127.0.0.1:${server.address().port}/greetings`)
const text = await response.text()
const stream = await openStream(server, { path: '/greetings' })
const [taken] = await stream.take(1)
await stream.close()
await sse.close()
server.close()

console.log(JSON.stringify({ type: response.headers.get('content-type'), text, taken: taken.data }))
