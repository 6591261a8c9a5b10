// Nothing but Node: res.write of one text to each client.
import { once } from 'node:events'
import http from 'node:http'
import { generate, HELLO, ready } from './kit.mjs'

const clients = new Set()
const textOf = message => `data: ${JSON.stringify(message)}\n\n`

const server = http.createServer(async (req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' }).flushHeaders()
  if (req.url.startsWith('/gen')) {
    for await (const message of generate(req.url)) if (!res.write(textOf(message))) await once(res, 'drain')
    return res.end()
  }
  if (req.url === '/hello') res.write(textOf(HELLO))
  clients.add(res)
  res.on('close', () => clients.delete(res))
})
server.listen(0, '127.0.0.1', () => {
  ready(server.address().port, message => {
    const text = textOf(message)
    for (const client of clients) client.write(text)
  })
})
