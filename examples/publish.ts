// Whatever is posted as JSON reaches every client of the stream, and so does: redis-cli PUBLISH sse hello
// page.html may be served from any origin: page.html?server= and the address of this app.
import cors from '@koa/cors'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { relayOf } from './plugin.js'

const channel = 'sse'
export const sse = new SseRouter({ plugin: relayOf('publish', 'raw') })

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>A page from elsewhere</title><link rel="stylesheet" href="page.css">
<form><label>Text <input required value="Hello from elsewhere"></label> <button>Publish</button></form>
<output></output><pre></pre><script type="module" src="page.js"></script>`
const style = `body { margin: 0.75rem; font: 1rem/1.6 system-ui, sans-serif }
input { width: 100%; box-sizing: border-box } button { margin: 0.5rem 0 } input, button { font: inherit }
pre { white-space: pre-wrap; overflow-wrap: anywhere }`
const script = `const server = new URLSearchParams(location.search).get('server') ?? new URL('.', location).href.slice(0, -1)
new EventSource(server + '/sse').onmessage = ({ data }) => document.querySelector('pre').append(data, '\\n')
document.forms[0].onsubmit = async event => {
  event.preventDefault()
  const body = JSON.stringify({ text: document.querySelector('input').value })
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }
  const { message } = await (await fetch(server + '/publish', options)).json()
  document.querySelector('output').textContent = message + ' from the origin ' + self.origin
}`

sse.publisher('/publish', { body: 'data', channel })
sse.pubSub('/sse', { channel, retry: 1_000 })
for (const [name, body] of Object.entries({ 'page.html': page, 'page.css': style, 'page.js': script })) {
  sse.get(`/${name}`, ctx => {
    ctx.type = name
    ctx.body = body
  })
}

export const app = new Koa()
// Any page may read and publish. Name your own: cors({ origin: 'https://www.example.com' })
app.use(cors()).use(sse.routes()).use(sse.allowedMethods())
