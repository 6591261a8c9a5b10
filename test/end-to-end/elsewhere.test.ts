import { afterAll, beforeAll, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import type { Browser, Page } from 'playwright-core'
import { app as publish } from '../../examples/publish.js'
import { app as redisChat } from '../../examples/redis-chat.js'
import { until } from '../redis/until.js'
import { faultsOf, launch, patiently } from './browser.js'
import { type Served, serve } from './serve.js'

let browser: Browser
let server: Served
let elsewhere: Served
let chat: Served
let closed: Served

beforeAll(async () => {
  browser = await launch()
  server = await serve(publish)
  elsewhere = await serve(publish) // the same app at another port is another origin
  process.env.CHAT_ORIGINS = `https://www.example.com,${elsewhere.url}`
  chat = await serve(redisChat)
  const sse = new SseRouter()
  sse.pubSub('/sse')
  const app = new Koa()
  app.use(sse.routes())
  closed = await serve(app)
})

afterAll(async () => {
  delete process.env.CHAT_ORIGINS
  await browser.close()
  for (const served of [server, elsewhere, chat, closed]) await served.close()
})

async function visit(origin: string, of: string): Promise<{ page: Page; faults: string[] }> {
  const page = await (await browser.newContext()).newPage()
  const faults = faultsOf(page)
  const opened = page.waitForRequest('**/sse')
  await page.goto(`${origin}/page.html?server=${of}`)
  await opened
  return { page, faults }
}

/** Runs code in the page, where `server` is the address of another one. */
const run = <T>(page: Page, of: string, code: string) =>
  page.evaluate<T>(`(async server => { ${code} })(${JSON.stringify(of)})`)

test('A10: a page that another server has served reads the stream and publishes to it', async () => {
  const { page, faults } = await visit(elsewhere.url, server.url)
  await until(async () => server.seen('/sse')[0]?.status === 200)
  await page.locator('input').fill('hello')
  await page.locator('button').click()
  await page.getByText(`published from the origin ${elsewhere.url}`).waitFor(patiently)
  await page.locator('pre', { hasText: '{"text":"hello"}' }).waitFor(patiently)
  expect([elsewhere.seen('/sse'), elsewhere.seen('/publish')]).toEqual([[], []])
  expect(server.seen('/publish').map(({ status }) => status)).toEqual([204, 200]) // the preflight, then the post
  expect(faults.filter(fault => !fault.includes('404'))).toEqual([]) // /favicon.ico, which browsers ask for
})

test('A10: it may send the headers of a client that resumes', async () => {
  const { page } = await visit(elsewhere.url, server.url)
  const code = `const headers = { 'Last-Event-ID': 'x', 'Cache-Control': 'no-cache', 'Content-Type': 'text/plain' }
    const { status, type, body } = await fetch(server + '/sse', { headers })
    await body.cancel()
    return [status, type]`
  expect(await run(page, server.url, code)).toEqual([200, 'cors'])
})

test('A10: without @koa/cors it may not', async () => {
  const { page, faults } = await visit(elsewhere.url, closed.url)
  const code = `return new Promise(resolve => {
      const source = new EventSource(server + '/sse')
      source.onerror = () => resolve(source.readyState)
    })`
  expect(await run(page, closed.url, code)).toBe(2)
  expect(closed.seen('/sse').map(({ status }) => status)).toContain(200)
  expect(faults.join()).toContain('blocked by CORS policy')
})

const write = `const post = (path, fields) =>
    fetch(server + path, { method: 'POST', credentials: 'include', body: new URLSearchParams(fields) })
  const source = new EventSource(server + '/stream', { withCredentials: true })
  await new Promise(resolve => source.addEventListener('stream-open', resolve))
  const heard = new Promise(resolve => { source.onmessage = ({ data }) => resolve(data) })
  const login = await post('/login', { user: 'ann' })
  const sent = await post('/post', { message: 'hi there' })
  return [login.status, sent.status, (await heard).slice(11)]`

test('D2: a page of an origin that is named uses the chat with its cookie', async () => {
  const { page } = await visit(elsewhere.url, server.url)
  expect(await run(page, chat.url, write)).toEqual([200, 204, 'ann: hi there'])
})

test('D2: a page of another origin cannot read it', async () => {
  const { page, faults } = await visit(server.url, server.url)
  const code = "return fetch(server + '/', { credentials: 'include' }).catch(error => error.name)"
  expect(await run(page, chat.url, code)).toBe('TypeError')
  expect(faults.join()).toContain('blocked by CORS policy')
})
