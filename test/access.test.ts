import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import Koa, { type Context } from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { subscriptionTokens } from 'koa-eventfeed/plugins/jose'
import { openStream } from 'koa-eventfeed/testing'
import type { Browser, Page } from 'playwright-core'
import { faultsOf, launch, patiently } from './end-to-end/browser.js'
import { type Served, serve } from './end-to-end/serve.js'
import { Snippets } from './snippets.js'

const doc = new Snippets('docs/access.md')
const secret = 'a secret of this test, which has 32 bytes and more'
const cookiesOf = (response: Response) => response.headers.getSetCookie().map(line => line.split(';')[0])

describe('docs/access.md', () => {
  let compiled: ReturnType<Snippets['compile']>

  beforeAll(() => {
    compiled = doc.compile('')
    process.env.SSE_SECRET = secret
  }, 60_000)

  afterEach(() => doc.kill())

  afterAll(() => {
    delete process.env.SSE_SECRET
  })

  test('every snippet is accepted by the type checker, and is one of those that are run here', () => {
    expect([compiled.stdout, compiled.status]).toEqual(['', 0])
    expect(['ts', 'js', 'sh'].map(language => doc.of(language).length)).toEqual([3, 2, 1])
    expect(doc.text.match(/^```\w/gm)).toHaveLength(6)
  })

  test('a session: streams of its own channels', async () => {
    const url = await doc.serve("'/login'")
    const Cookie = cookiesOf(await fetch(`${url}/login`, { method: 'POST' })).join()
    const asked = [
      ['news', Cookie],
      ['staff', Cookie],
      ['news', ''],
    ] as const
    const statuses = asked.map(async ([channel, Cookie]) => {
      await using stream = await openStream(url, { path: `/feed?channel=${channel}`, headers: { Cookie } })
      return stream.status
    })
    expect(await Promise.all(statuses)).toEqual([200, 403, 401])
  })

  test('tokens: in a cookie, or in the query, for who has a session', async () => {
    const url = await doc.serve("'/access'")
    const ask = (path: string) => fetch(url + path, { method: 'POST', headers: { Cookie: 'user=ann' } })
    const Cookie = cookiesOf(await ask('/access')).join()
    const { token } = (await (await ask('/token')).json()) as { token: string }
    for (const [channel, status] of Object.entries({ orders: 200, 'user-ann': 200, 'user-bob': 403 })) {
      await using byCookie = await openStream(url, { path: `/feed?channel=${channel}`, headers: { Cookie } })
      await using byQuery = await openStream(url, { path: `/feed?channel=${channel}&token=${token}` })
      expect([channel, byCookie.status, byQuery.status]).toEqual([channel, status, status])
    }
    for (const path of ['/access', '/token']) expect((await fetch(url + path, { method: 'POST' })).status).toBe(401)
  })

  test('who is banned is out at once, and stays out though the token is still good', async () => {
    const url = await doc.serve('banned.add')
    const { sign } = subscriptionTokens({ secret })
    const open = async (subject: string) => {
      const token = await sign({ channels: ['sse'], subject })
      return openStream(url, { path: '/feed', headers: { Cookie: `sse-token=${token}` } })
    }
    await using ann = await open('ann')
    await using bob = await open('bob')
    for (const stream of [ann, bob]) await stream.find(({ event }) => event === 'stream-open')
    expect((await fetch(`${url}/banned/ann`, { method: 'PUT' })).status).toBe(204)
    await ann.ended()
    await using again = await ann.reconnect()
    await using still = await bob.reconnect()
    expect([again.status, still.status]).toEqual([403, 200])
    expect(cookiesOf(await fetch(`${url}/logout`, { method: 'POST' }))).toEqual(['sse-token='])
  })
})

describe('the page of docs/access.md, whose token is good for a second or two,', () => {
  const published: string[] = []
  let isLoggedIn = true
  let browser: Browser
  let served: Served
  let byCookie: Visit
  let byQuery: Visit
  const sse = new SseRouter()

  beforeAll(async () => {
    browser = await launch()
    served = await serve(app(sse, () => isLoggedIn))
    const visits = ['/cookie', '/query'].map(path => visit(browser, served.url + path))
    ;[byCookie, byQuery] = (await Promise.all(visits)) as [Visit, Visit]
    while (opened(false).length < 3 || opened(true).length < 2) await publish()
    await publish()
  }, 30_000)

  afterAll(async () => {
    await browser.close()
    await sse.close()
    await served.close()
  })

  async function publish(): Promise<void> {
    published.push(`order ${published.length}`)
    await sse.publish(published.at(-1), { channel: 'orders' })
    await sleep(10)
  }

  const asked = (inQuery: boolean) => served.seen('/feed').filter(({ url }) => url?.includes('token=') === inQuery)
  const opened = (inQuery: boolean) => asked(inQuery).filter(({ status }) => status === 200)

  /** What the page shows, and what was published since the first of it. */
  async function shown(page: Page): Promise<string[][]> {
    await page.getByText(new RegExp(`^${published.at(-1)}$`)).waitFor(patiently)
    const items = await page.locator('li').allTextContents()
    return [items, published.slice(published.indexOf(items[0] ?? ''))]
  }

  test('in a cookie that it renews, loses and doubles nothing, and its EventSource is never refused', async () => {
    const [items = [], sent] = await shown(byCookie.page)
    expect(items).toEqual(sent)
    expect(items.length).toBeGreaterThan(published.length / 2)
    const [first, ...again] = asked(false)
    expect([first?.lastEventId, again.every(({ lastEventId }) => lastEventId)]).toEqual([undefined, true])
    expect(asked(false)).toEqual(opened(false))
    expect(byCookie.faults).toEqual([])
  })

  test('in the query, loses and doubles nothing with another EventSource and another token', async () => {
    const [items = [], sent] = await shown(byQuery.page)
    expect(items).toEqual(sent)
    expect(items.length).toBeGreaterThan(published.length / 2)
    expect(
      asked(true)
        .map(({ status }) => status)
        .slice(0, 3),
    ).toEqual([200, 403, 200])
    const [first, second, third] = asked(true).map(({ url }) => new URLSearchParams(url?.split('?')[1]))
    expect(second?.toString()).toBe(first?.toString())
    expect(third?.get('token')).not.toBe(first?.get('token'))
  })

  test('sends its reader to the login where there is no session', async () => {
    isLoggedIn = false
    for (const path of ['/cookie', '/query']) {
      const { page } = await visit(browser, served.url + path)
      await page.waitForURL(`${served.url}/login`, patiently)
    }
  })
})

interface Visit {
  readonly page: Page
  readonly faults: readonly string[]
}

async function visit(browser: Browser, url: string): Promise<Visit> {
  const page = await browser.newPage()
  const faults = faultsOf(page)
  await page.goto(url)
  return { page, faults }
}

/** The routes that the pages want, and the pages. */
function app(sse: SseRouter, isLoggedIn: () => boolean): Koa {
  const tokens = subscriptionTokens({ secret, expiresIn: 1_000, query: 'token' })
  const grantOf = (ctx: Context) => (isLoggedIn() ? { channels: ['orders'] } : ctx.throw(401))
  sse.pubSub('/feed', { authorize: tokens.authorize })
  sse.post('/access', async ctx => {
    await tokens.setCookie(ctx, grantOf(ctx))
    ctx.status = 204
  })
  sse.post('/token', async ctx => {
    ctx.body = { token: await tokens.sign(grantOf(ctx)) }
  })
  const [cookie = '', query = ''] = doc.of('js')
  const scripts = { cookie: cookie.replace('120_000', '300'), query, login: '' }
  for (const [name, script] of Object.entries(scripts))
    sse.get(`/${name}`, ctx => {
      ctx.body = `<!doctype html><link rel="icon" href="data:,"><ol></ol><script type="module">${script}</script>`
    })
  const app = new Koa()
  app.use(sse.routes())
  return app
}
