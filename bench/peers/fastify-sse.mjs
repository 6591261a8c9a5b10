import sse from '@fastify/sse'
import Fastify from 'fastify'
import { generate, HELLO, ready } from '../servers/kit.mjs'

const app = Fastify()
const clients = new Set()
await app.register(sse)

async function* events(url) {
  for await (const data of generate(url)) yield { data }
}

app.get('/gen', { sse: true }, async (req, reply) => {
  await reply.sse.send(events(req.url))
})

async function follow(req, reply) {
  reply.sse.keepAlive()
  reply.sse.sendHeaders()
  reply.raw.flushHeaders()
  if (req.url === '/hello') await reply.sse.send({ data: HELLO })
  clients.add(reply.sse)
  reply.sse.onClose(() => clients.delete(reply.sse))
}

app.get('/events', { sse: true }, follow)
app.get('/hello', { sse: true }, follow)
await app.listen({ port: 0, host: '127.0.0.1' })
ready(app.server.address().port, data => {
  for (const client of clients) client.send({ data }).catch(() => {}) // who has left is taken out by onClose
})
