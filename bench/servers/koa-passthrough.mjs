// Koa as most tutorials have it: a PassThrough for each client.
import { PassThrough, Readable } from 'node:stream'
import Koa from 'koa'
import { generate, HELLO, ready } from './kit.mjs'

const clients = new Set()
const textOf = message => `data: ${JSON.stringify(message)}\n\n`

async function* texts(url) {
  for await (const message of generate(url)) yield textOf(message)
}

const app = new Koa()
app.silent = true
app.on('error', () => {}) // each client that leaves is one
app.use(ctx => {
  ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  ctx.status = 200
  ctx.flushHeaders()
  if (ctx.path === '/gen') {
    ctx.body = Readable.from(texts(ctx.url))
    return
  }
  const stream = new PassThrough()
  ctx.body = stream
  if (ctx.path === '/hello') stream.write(textOf(HELLO))
  clients.add(stream)
  ctx.req.on('close', () => {
    clients.delete(stream)
    stream.end()
  })
})
const server = app.listen(0, '127.0.0.1', () => {
  ready(server.address().port, message => {
    const text = textOf(message)
    for (const client of clients) client.write(text)
  })
})
