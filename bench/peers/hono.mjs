import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { generate, HELLO, ready } from '../servers/kit.mjs'

const app = new Hono()
const clients = new Set()

app.get('/gen', c =>
  streamSSE(c, async stream => {
    for await (const message of generate(c.req.url)) await stream.writeSSE({ data: JSON.stringify(message) })
  }),
)

const follow = c =>
  streamSSE(c, async stream => {
    if (c.req.path === '/hello') await stream.writeSSE({ data: JSON.stringify(HELLO) })
    clients.add(stream)
    await new Promise(resolve => stream.onAbort(resolve))
    clients.delete(stream)
  })

app.get('/events', follow)
app.get('/hello', follow)
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  ready(port, message => {
    const event = { data: JSON.stringify(message) }
    for (const client of clients) client.writeSSE(event)
  })
})
