import http from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { generate, HELLO, ready } from '../servers/kit.mjs'

const channel = createChannel()
const server = http.createServer(async (req, res) => {
  const session = await createSession(req, res)
  if (req.url.startsWith('/gen')) {
    await session.iterate(generate(req.url))
    return res.end()
  }
  if (req.url === '/hello') session.push(HELLO)
  channel.register(session)
})
server.listen(0, '127.0.0.1', () => ready(server.address().port, message => channel.broadcast(message)))
