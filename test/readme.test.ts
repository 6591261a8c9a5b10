import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import { chromium } from 'playwright-core'
import { type RedisServer, startRedis } from './redis/server.js'
import { addressOf, dataOf, Snippets } from './snippets.js'

const readme = new Snippets('README.md')
const run = (part: string) => readme.run(part)
const serve = (part: string) => readme.serve(part)

let compiled: ReturnType<Snippets['compile']>
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  compiled = readme.compile(redis.url)
})

afterEach(() => readme.kill())

afterAll(async () => redis[Symbol.asyncDispose]())

describe('every snippet of the README', () => {
  test('is accepted by the type checker', () => {
    expect([compiled.stdout, compiled.status]).toEqual(['', 0])
  })

  test('is one of those that are run here', () => {
    expect(readme.of('ts')).toHaveLength(18)
    expect(readme.of('js')).toHaveLength(1)
    // test/package.test.ts installs the package so.
    expect(readme.of('sh')).toEqual(
      ['koa-eventfeed koa', 'ioredis', 'prom-client'].map(names => `npm install ${names}\n`),
    )
    expect(readme.text.match(/^```\w/gm)).toHaveLength(22)
  })
})

test('the ten lines serve a clock, and a bar that the lines for the page fill', async () => {
  const url = await serve("'/progress'")
  const news = await openStream(`${url}/sse/news`)
  await news.find(event => event.data.startsWith('{"time":'))
  await news.close()
  expect((await dataOf(`${url}/sse/clock`, 2)).every(data => !Number.isNaN(Date.parse(data)))).toBe(true)
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  const page = await browser.newPage()
  await page.route(`${url}/`, route =>
    route.fulfill({
      contentType: 'text/html',
      body: `<progress max="100" value="0"></progress><script type="module">${readme.of('js')[0]}</script>`,
    }),
  )
  await page.goto(`${url}/`)
  await page.waitForFunction("document.querySelector('progress').value === 10")
  await browser.close()
})

test('streamFunc: changes come once, and a limit ends the stream', async () => {
  const url = await serve('changes: true')
  const [first, second] = await dataOf(`${url}/price`, 2)
  expect(Number(second)).toBeGreaterThan(Number(first))
  expect(await (await fetch(`${url}/countdown`)).text()).toMatch(/^:\n(data: \d+\n\n){3}event: stream-end\n/)
})

test('streamGen: a job that is not there is a 404, one that is goes on where a client was', async () => {
  const url = await serve("'/jobs/:id'")
  const missing = await fetch(`${url}/jobs/8`)
  expect([missing.status, await missing.text()]).toEqual([404, 'No such job'])
  expect(await dataOf(`${url}/jobs/7`, 3)).toEqual(['fetch', 'build', 'deploy'].map(step => JSON.stringify({ step })))
  expect(await dataOf(`${url}/jobs/7?lastEventId=2`, 1)).toEqual(['{"step":"deploy"}'])
})

test('streamGen: a POST is answered word by word', async () => {
  const url = await serve("'/chat'")
  const body = JSON.stringify({ prompt: 'to be' })
  const response = await fetch(`${url}/chat`, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
  expect(await response.text()).toBe(':\ndata: {"delta":"to"}\n\ndata: {"delta":"be"}\n\ndata: [DONE]\n\n')
})

test('pubSub: who may not read a channel gets 403, others what is published', async () => {
  const url = await serve("'/chat/:channel'")
  expect((await fetch(`${url}/chat/staff`)).status).toBe(403)
  const stream = await openStream(`${url}/chat/lobby`)
  expect((await stream.find(event => event.event === 'message')).data).toBe('{"text":"Hello!"}')
  await stream.close()
})

test('publisher: what is posted with the key arrives', async () => {
  const url = await serve("'/publish'")
  const stream = await openStream(`${url}/events`)
  await stream.find(event => event.event === 'stream-open')
  const post = (key: string) =>
    fetch(`${url}/publish`, {
      method: 'POST',
      body: '{"data":"hi"}',
      headers: { 'Content-Type': 'application/json', 'X-Key': key },
    })
  expect((await post('wrong')).status).toBe(403)
  expect(await (await post('secret')).json()).toEqual({ status: 'success', message: 'published', data: 'hi' })
  expect((await stream.take(1))[0]?.data).toBe('hi')
  await stream.close()
})

test('on the server: what is emitted and published is received, and the process ends', async () => {
  expect(await once(run('unbind()'), 'exit')).toEqual([0, null])
})

test('as middleware: other middleware goes before', async () => {
  const response = await fetch(`${await serve("from '@koa/router'")}/countdown`)
  expect(response.headers.get('x-checked')).toBe('yes')
  expect(await response.text()).toMatch(/^:\ndata: 3\n\ndata: 2\n\ndata: 1\n\n/)
})

test('an event with all fields can be made', async () => {
  expect(await once(run('retry: 2_000'), 'exit')).toEqual([0, null])
})

test('shutting down: a SIGTERM ends the streams, and then the process', async () => {
  const child = run('SIGTERM')
  const url = await addressOf(child)
  const stream = await openStream(`${url}/clock`)
  await stream.take(1)
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await stream.ended()
  await stream.close()
  expect(await exit).toEqual([0, null])
})

test('metrics: Prometheus is told of streams and of the process', async () => {
  const text = await (await fetch(`${await serve('collectMetrics')}/metrics`)).text()
  expect(text).toMatch(/^koa_eventfeed_connections 0$/m)
  expect(text).toMatch(/^process_cpu_seconds_total /m)
})

test('a live view: who may see the page gets it', async () => {
  const url = `${await serve('sse.dashboard')}/ops/`
  expect((await fetch(url)).status).toBe(403)
  const page = await fetch(url, { headers: { 'X-Team': 'ops' } })
  expect(await page.text()).toContain('<title>Live view')
})

test('one run, many viewers: prices are polled once, an export goes on where it was, and can be cancelled', async () => {
  const url = await serve("'/exports/:id'")
  const prices = await Promise.all([1, 2, 3].map(() => openStream(`${url}/price`)))
  const polled = await Promise.all(prices.map(async stream => (await stream.find(event => event.data !== '')).data))
  await Promise.all(prices.map(stream => stream.close()))
  expect(polled).toHaveLength(3)
  expect((await fetch(`${url}/exports/8`)).status).toBe(404)
  const first = await openStream(`${url}/exports/7`)
  await first.find(({ data }) => data === 'row 5 of export 7')
  const again = await first.reconnect()
  const { data } = await again.find(event => event.data.startsWith('row'))
  expect(data).toBe('row 6 of export 7')
  expect((await fetch(`${url}/exports/7`, { method: 'DELETE' })).status).toBe(204)
  expect(await again.find(({ event }) => event === 'stream-end')).toMatchObject({ data: '{"cancelled":true}' })
  await again.close()
})

test('Redis: what is said to one process, or by a worker, is heard on the other, and both are healthy', async () => {
  const urls = [await serve("'/rooms/:channel'"), await serve("'/rooms/:channel'")]
  const streams = await Promise.all(urls.map(url => openStream(`${url}/rooms/lobby`)))
  for (const stream of streams) await stream.find(event => event.event === 'stream-open')
  const body = JSON.stringify({ data: 'hi', channel: 'lobby' })
  await fetch(`${urls[0]}/say`, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
  const worker = once(run('The night build is done'), 'exit')
  for (const stream of streams) {
    expect((await stream.take(2)).map(({ data }) => data)).toEqual(['hi', '{"text":"The night build is done"}'])
    await stream.close()
  }
  expect(await worker).toEqual([0, null])
  for (const url of urls) expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('Redis: the quickstart of Flask-SSE greets', async () => {
  const url = await serve("format: 'flask-sse'")
  const stream = await openStream(`${url}/stream`)
  await stream.find(event => event.event === 'stream-open')
  expect(await (await fetch(`${url}/hello`)).text()).toBe('Message sent!')
  expect(await stream.find(event => event.event === 'greeting')).toMatchObject({ data: '{"message":"Hello!"}' })
  await stream.close()
})

test('write a plugin: the contract suite and a stream prove the plugin', async () => {
  expect(await once(run('provePlugin'), 'exit')).toEqual([0, null])
})

test('testing your streams: the test passes, and leaves nothing open', async () => {
  expect(await once(run('again.close()'), 'exit')).toEqual([0, null])
})
