import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import cors from '@koa/cors'
import type { Context, Middleware } from 'koa'
import { type PublisherOptions, PubSub, publisher, ServerSentEvent, type SseRouterOptions } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import type { Browser, Page } from 'playwright-core'
import { launch } from './end-to-end/browser.js'
import { type ServeOptions, serve } from './support.js'

/** A publisher and who reads what it publishes. */
async function publishing(options: PublisherOptions = {}, serving: ServeOptions = {}) {
  const served = await serve(sse => sse.publisher('/publish', options).pubSub('/sse'), serving)
  const post = (body = '{"data":1}', headers: Record<string, string> = {}) =>
    fetch(`${served.url}/publish`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
    })
  return { ...served, post }
}

describe('rate', () => {
  test('lets as many pass at once, then answers 429 until the time that Retry-After tells', async () => {
    await using served = await publishing({ rate: 5 })
    const begun = performance.now()
    const answers = await Promise.all(Array.from({ length: 30 }, () => served.post()))
    const passed = answers.filter(({ status }) => status === 200).length
    expect(passed).toBeGreaterThanOrEqual(5)
    expect(passed).toBeLessThanOrEqual(5 + (5 * (performance.now() - begun)) / 1_000)
    const refused = answers.find(({ status }) => status === 429)
    expect(await refused?.json()).toMatchObject({ reason: 'One client may publish 5 events a second' })
    expect(refused?.headers.get('Retry-After')).toBe('1')
    await sleep(1_000)
    expect((await served.post()).status).toBe(200)
    expect(served.sse.stats()).toMatchObject({ published: passed + 1, refused: { rate: 30 - passed } })
  })

  test('holds over time, however many come', async () => {
    const rate = 20
    await using served = await publishing({ rate })
    const begun = performance.now()
    let accepted = 0
    while (accepted < rate * 1.5) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => served.post()))
      accepted += answers.filter(({ status }) => status === 200).length
    }
    expect(accepted).toBeLessThanOrEqual(rate + (rate * (performance.now() - begun)) / 1_000)
    expect(served.sse.stats().published).toBe(accepted)
  })

  test('of less than one a second tells how long one has to wait', async () => {
    await using served = await publishing({ rate: 0.1 })
    expect((await served.post()).status).toBe(200)
    const { status, headers } = await served.post()
    expect([status, headers.get('Retry-After')]).toEqual([429, '10'])
  })

  test('counts for each address, or for each rateKey', async () => {
    const rateKey = (ctx: Context) => ctx.get('X-User')
    await using byKey = await publishing({ rate: 0.01, rateKey })
    await using byAddress = await publishing({ rate: 0.01 })
    byAddress.app.proxy = true
    const ask = async (served: typeof byKey, name: string, value: string) =>
      (await served.post(undefined, { [name]: value })).status
    for (const user of ['ann', 'bob']) {
      expect([await ask(byKey, 'X-User', user), await ask(byKey, 'X-User', user)]).toEqual([200, 429])
    }
    const addresses = ['10.0.0.1', '10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1']
    const statuses: number[] = []
    for (const address of addresses) statuses.push(await ask(byAddress, 'X-Forwarded-For', address))
    expect(statuses).toEqual([200, 429, 200, 200, 429, 200])
  })

  test('keeps who is refused from being asked by authorize, and from sending a body that is read', async () => {
    let asked = 0
    await using served = await publishing({ rate: 0.01, authorize: () => ++asked > 0 })
    await served.post()
    expect((await served.post('not JSON')).status).toBe(429)
    expect(asked).toBe(1)
  })
})

describe('what is too long is refused, and what is not arrives as it is:', () => {
  const fits = { id: '漢'.repeat(1_024), event: 'e'.repeat(256) }
  const tooLong = [{ id: 'i'.repeat(1_025) }, { event: 'e'.repeat(257) }]

  test('by ServerSentEvent', () => {
    expect(new ServerSentEvent(1, fits)).toMatchObject(fits)
    for (const fields of tooLong) {
      const [[name, text] = ['', '']] = Object.entries(fields)
      const most = name === 'id' ? '1024' : '256'
      const message = expect.stringMatching(new RegExp(`${most} characters at most, not ${text.length}`))
      expect(() => new ServerSentEvent(1, fields)).toThrow(expect.objectContaining({ name: 'RangeError', message }))
    }
  })

  test('by a publisher; and a client sends the longest id back', async () => {
    await using served = await publishing()
    for (const fields of [...tooLong, { channel: 'c'.repeat(257) }]) {
      const response = await served.post(JSON.stringify({ data: 1, ...fields }))
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ reason: expect.stringContaining('characters at most') })
    }
    expect(served.sse.stats().published).toBe(0)
    const stream = await openStream(served.url, { path: '/sse' })
    await stream.next()
    for (const data of ['first', 'second']) {
      expect((await served.post(JSON.stringify({ data, ...(data === 'first' && fits) }))).status).toBe(200)
    }
    expect(await stream.take(2)).toMatchObject([{ data: 'first', ...fits }, { data: 'second' }])
    await stream.close()
    await using again = await openStream(served.url, { path: '/sse', lastEventId: fits.id })
    expect(await again.find(({ data }) => data === 'second')).toBeDefined()
    expect(again.events.map(({ event }) => event)).not.toContain('stream-reset')
  })
})

describe('a publisher believes who says where it comes from:', () => {
  test.each<[string, Record<string, string>, number]>([
    ['no page', {}, 200],
    ['a page of its own', { 'Sec-Fetch-Site': 'same-origin', Origin: 'http://127.0.0.1' }, 200],
    ['a page of another site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a page of another host of the site', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['an old browser on another page', { Origin: 'https://elsewhere.example' }, 403],
    ['an old browser on a page of its own', { Origin: 'http://HOST' }, 200],
    ['a page of another port', { Origin: 'http://127.0.0.1:1' }, 403],
    ['a page without an origin: sandboxed, or a file', { Origin: 'null' }, 403],
    ['an origin that is none', { Origin: '127.0.0.1' }, 403],
  ])('%s', async (_, headers, status) => {
    await using served = await publishing()
    const { host } = new URL(served.url)
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('HOST', host)]))
    expect((await served.post(undefined, sent)).status).toBe(status)
    expect(served.sse.stats()).toMatchObject({ published: status === 200 ? 1 : 0 })
    expect(served.sse.stats().refused).toEqual(status === 200 ? {} : { 'cross-site': 1 })
  })

  test.each<[string, PublisherOptions, Middleware[], number[]]>([
    ['crossSite', { crossSite: true }, [], [200, 200]],
    ['@koa/cors for one origin', {}, [cors({ origin: 'https://one.example' })], [200, 403]],
    ['@koa/cors for all', {}, [cors()], [200, 200]],
  ])('other pages may publish that %s allows', async (_, options, before, statuses) => {
    await using served = await publishing(options, { before })
    const ask = async (origin: string) =>
      (await served.post(undefined, { Origin: origin, 'Sec-Fetch-Site': 'cross-site' })).status
    expect([await ask('https://one.example'), await ask('https://two.example')]).toEqual(statuses)
  })

  test.each<[string, Record<string, string>, number]>([
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, 400],
    ['a form with files', { 'Content-Type': 'multipart/form-data; boundary=b' }, 400],
    ['a form of text', { 'Content-Type': 'text/plain' }, 415],
    ['a form that claims to be JSON', { 'Content-Type': 'text/plain; application/json' }, 415],
    ['a body without a type', { 'Content-Type': '' }, 415],
  ])('but never by %s, wherever that comes from', async (_, headers, status) => {
    await using served = await publishing({ crossSite: true })
    expect((await served.post('{"data":1}', headers)).status).toBe(status)
    expect(served.sse.stats().published).toBe(0)
  })
})

describe('in Chromium', () => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    browser = await launch()
    page = await browser.newPage()
  }, 30_000)
  afterAll(() => browser.close())

  /** Serves a page too, and cuts connections that Chromium has opened and not used: they would keep the server open. */
  async function paged(options?: PublisherOptions, router: SseRouterOptions = {}) {
    const served = await publishing(options, { router, before: [html] })
    const dispose = async () => {
      const closed = once(served.server.close(), 'close')
      await served.sse.close()
      served.server.closeAllConnections()
      await closed
    }
    return { ...served, [Symbol.asyncDispose]: dispose }
  }

  const html: Middleware = async (ctx, next) => {
    if (ctx.path !== '/page') await next()
    else ctx.body = '<!doctype html><link rel="icon" href="data:,"><iframe name="sink"></iframe>'
  }

  // Every way that a page has to send text somewhere. Resolves to the statuses that it may know.
  const attack = (target: string) => `(async () => {
    const to = ${JSON.stringify(target)}, text = '{"data":"evil"}'
    const send = (type, init) => fetch(to, { method: 'POST', body: new Blob([text], { type }), ...init })
      .then(response => response.status || 'opaque', () => 'failed')
    const submit = enctype => new Promise(resolve => {
      const form = Object.assign(document.createElement('form'), { action: to, method: 'post', enctype, target: 'sink' })
      const input = Object.assign(document.createElement('input'), { name: '{"data":"evil","event":"', value: '"}' })
      document.body.append(form)
      form.append(input)
      document.querySelector('iframe').addEventListener('load', resolve, { once: true })
      form.submit()
    })
    const statuses = [await send('application/json'), await send('application/json', { credentials: 'include' })]
    for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded']) statuses.push(await send(type, { mode: 'no-cors' }))
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) await submit(enctype)
    navigator.sendBeacon(to, text)
    statuses.push(await send('text/plain', { mode: 'no-cors', keepalive: true }))
    return statuses
  })()`

  test.each(['127.0.0.1', 'localhost'])('no page of %s at another port can publish', async host => {
    await using served = await paged()
    await using elsewhere = await paged()
    await page.goto(`http://${host}:${elsewhere.port}/page`)
    const statuses = await page.evaluate(attack(`${served.url}/publish`))
    expect(statuses).toEqual(['failed', 'failed', 'opaque', 'opaque', 'opaque', 'opaque'])
    while ((served.sse.stats().refused['cross-site'] ?? 0) < 8) await sleep(10)
    expect(served.sse.stats()).toMatchObject({ published: 0, refused: { 'cross-site': 8 } })
    expect(served.errors).toEqual([])
  })

  test('a page of its own publishes by fetch, and still not by a form', async () => {
    await using served = await paged()
    await page.goto(`${served.url}/page`)
    const statuses = await page.evaluate(attack(`${served.url}/publish`))
    expect(statuses).toEqual([200, 200, 415, 415, 400, 415])
    expect(served.sse.stats()).toMatchObject({ published: 2, refused: {} })
  })

  test('an EventSource that was sent away comes back by itself, and is let in', async () => {
    await using served = await paged({}, { maxConnections: 1, retryAfter: 50 })
    await using first = await openStream(served.url, { path: '/sse' })
    await first.next()
    await page.goto(`${served.url}/page`)
    await page.evaluate(`(() => {
      const source = new EventSource('/sse')
      window.states = new Set()
      source.onerror = () => states.add(source.readyState)
      window.got = new Promise(resolve => { source.onmessage = ({ data }) => resolve(data) })
    })()`)
    while ((served.sse.stats().refused.connections ?? 0) < 3) await sleep(10)
    await first.close()
    while (served.sse.stats().accepted < 2) await sleep(10)
    await served.sse.publish('Hello!')
    expect(await page.evaluate('got')).toBe('Hello!')
    expect(await page.evaluate('[...states]')).toEqual([0]) // connecting, never closed
    await page.close()
  })
})

describe('options that cannot be used are refused at registration:', () => {
  test.each<[PublisherOptions, 'TypeError' | 'RangeError', string]>([
    [{ rate: 0 }, 'RangeError', 'rate must be a positive number'],
    [{ rate: Number.POSITIVE_INFINITY }, 'RangeError', 'rate must be a positive number'],
    [{ rate: '10' as never }, 'TypeError', 'rate must be a number, not string'],
    [{ rateKey: 'ip' as never }, 'TypeError', 'rateKey must be a function of ctx, not string'],
    [{ crossSite: 'yes' as never }, 'TypeError', 'crossSite must be true or false, not string'],
  ])('%j', (options, name, message) => {
    const error = expect.objectContaining({ name, message: expect.stringContaining(message) })
    expect(() => publisher(new PubSub(), options)).toThrow(error)
  })

  test('a rateKey that returns no string is an error of the app', async () => {
    await using served = await publishing({ rate: 1, rateKey: () => undefined as never })
    expect((await served.post()).status).toBe(500)
    expect(served.errors.map(({ message }) => message)).toEqual(['rateKey must return a string, not undefined'])
  })
})
