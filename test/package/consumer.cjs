const { once } = require('node:events')
const Koa = require('koa')
const { ServerSentEvent, SseRouter } = require('koa-eventfeed')
const { openStream } = require('koa-eventfeed/testing')

async function serve() {
  const sse = new SseRouter()
  sse.streamGen('/greetings', function* () {
    yield new ServerSentEvent({ hello: 'require' }, { event: 'greeting', id: '1' })
  })
  const server = new Koa().use(sse.routes()).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const response = await fetch(`http://127.0.0.1:${server.address().port}/greetings`)
  const text = await response.text()
  const stream = await openStream(server, { path: '/greetings' })
  const [taken] = await stream.take(1)
  await stream.close()
  await sse.close()
  server.close()

  console.log(JSON.stringify({ type: response.headers.get('content-type'), text, taken: taken.data }))
}

serve()
