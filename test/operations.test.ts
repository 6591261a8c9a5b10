import { once } from 'node:events'
import http2 from 'node:http2'
import { afterEach, beforeAll, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import { addressOf, Snippets } from './snippets.js'

const doc = new Snippets('docs/operations.md')

let compiled: ReturnType<Snippets['compile']>

beforeAll(() => {
  compiled = doc.compile('')
})

afterEach(() => doc.kill())

const DOCUMENTED = 5

test('every snippet is accepted by the type checker, and is one of those that are run here', () => {
  expect([compiled.stdout, compiled.status]).toEqual(['', 0])
  expect(doc.of('ts')).toHaveLength(DOCUMENTED)
  expect(doc.text.match(/^```\w/gm)).toHaveLength(DOCUMENTED)
})

test('all of it at once serves, says that it does, and drains at SIGTERM', async () => {
  const child = doc.run('within: 20_000')
  const url = await addressOf(child)
  expect((await fetch(`${url}/live`)).status).toBe(200)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  const stream = await openStream(`${url}/feed/news`)
  await stream.find(({ event }) => event === 'stream-open')
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify({ channel: 'news', data: 'Hello' })
  expect((await fetch(`${url}/publish`, { method: 'POST', headers, body })).status).toBe(200)
  await stream.find(({ data }) => data === 'Hello')
  child.kill('SIGTERM')
  await stream.ended() // the first of the streams ends at once
  const ready = await fetch(`${url}/ready`).catch(() => undefined)
  expect(ready?.status ?? 503).toBe(503)
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

test('a server with bounds of its own serves streams', async () => {
  const stream = await openStream(`${await doc.serve('headersTimeout')}/feed/news`)
  await stream.find(({ event }) => event === 'stream-open')
  await stream.close()
})

test('what goes on is printed', async () => {
  const [code] = await once(doc.run('sse.stats()'), 'exit')
  expect(code).toBe(0)
})

test('the live view is shown to who has the password', async () => {
  const url = `${await doc.serve('OPS_PASSWORD')}/ops/`
  const asked = await fetch(url)
  expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="live view"'])
  for (const password of ['undefined', '', 'null']) {
    const headers = { Authorization: `Basic ${btoa(`ops:${password}`)}` }
    expect((await fetch(url, { headers })).status).toBe(401)
  }
})

test('over HTTP/2 it ends at SIGTERM though a client keeps an idle connection', async () => {
  const child = doc.run('ServerHttp2Session')
  const client = http2.connect(await addressOf(child))
  const request = client.request({ ':path': '/elsewhere' }).resume()
  await once(request, 'close')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  client.destroy()
})
