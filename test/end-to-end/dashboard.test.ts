import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { type DashboardOptions, SseRouter } from 'koa-eventfeed'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { Stage } from './browser.js'
import { dataOf, live } from './live.js'

const routers: SseRouter[] = []
let options: DashboardOptions = {}

function makeApp(): Koa {
  const sse = new SseRouter()
  sse.pubSub('/rooms/:channel')
  sse.dashboard('/ops/live', options)
  routers.push(sse)
  const app = new Koa()
  app.use(sse.routes())
  return app
}

const stage = new Stage(makeApp)
const router = () => routers.at(-1) as SseRouter

afterEach(async () => {
  options = {}
  await Promise.all(routers.splice(0).map(sse => sse.close()))
})

const visit = (browser: BrowserContextOptions = {}) => stage.visit(browser, `${stage.served.url}/ops/live`)
const client = (channel: string) => live(stage.served.url, `/rooms/${encodeURIComponent(channel)}`)
const plot = (page: Page, title: string) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: title }) })
const row = (page: Page, section: string, text: string) => page.locator(`#${section} tbody tr`, { hasText: text })
const state = (page: Page, words: string | RegExp) => page.locator('#link').filter({ hasText: words }).waitFor()

describe('the live view', () => {
  test('shows rates as they are, with no request elsewhere and nothing that its policy forbids', async () => {
    await using reader = await client('news')
    const profile = await stage.profile()
    const origins = new Set<string>()
    profile.on('request', request => origins.add(new URL(request.url()).origin))
    const { page, faults } = await stage.visitAgain(profile, `${stage.served.url}/ops/live`)
    await state(page, 'Live')
    await plot(page, 'Connections').getByText('1 open').waitFor()
    const sse = router()
    const publishing = setInterval(() => void sse.publish('x', { channel: 'news' }), 20)
    try {
      const published = plot(page, 'Published').getByRole('img', { name: /now [2-5]\d(\.\d)? \/s/ })
      const sent = plot(page, 'Events sent').getByRole('img', { name: /now [2-5]\d(\.\d)? \/s/ })
      await Promise.all([published.waitFor(), sent.waitFor()])
    } finally {
      clearInterval(publishing)
    }
    expect(await page.locator('#health').textContent()).toBe('Publishing and receiving')
    expect(await page.locator('#scope').textContent()).toContain(`process ${process.pid} on `)
    expect([...origins]).toEqual([stage.served.url])
    expect(faults).toEqual([])
    expect(reader.events.length).toBeGreaterThan(30)
  })

  test('finds one of 10,000 channels, and watches it: hostile data is text', async () => {
    const { pubsub } = router()
    const subscriptions = Array.from({ length: 10_000 }, (_, n) => pubsub.subscribe(`room/${n}`))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const { page, faults } = await visit()
    await page.getByText('50 of 10,000 channels').waitFor()
    expect(await page.locator('#channels tbody tr').count()).toBe(50)
    await page.getByRole('searchbox', { name: 'Search channels' }).fill('ROOM/4711')
    await page.getByText('1 of 10,000 found').waitFor()
    await page.getByRole('button', { name: 'Watch room/4711' }).click()
    await page.getByText('Watching room/4711').waitFor()
    const data = '<img src=x onerror="document.title=1"></pre><script>document.title=2</script>'
    await router().publish(data, { channel: 'room/4711', event: '<b>bold</b>' })
    await page.locator('.entries li').waitFor()
    expect(await page.locator('.entries pre').textContent()).toBe(data)
    expect(await page.locator('.entries .type').textContent()).toBe('<b>bold</b>')
    expect(await page.locator('.entries :is(img, script, b b)').count()).toBe(0)
    expect(await page.title()).toBe('Live view')
    await page.getByRole('searchbox', { name: 'Search channels' }).fill('no such thing')
    await page.getByText("No channel's name has “no such thing” in it.").waitFor()
    expect(faults).toEqual([])
    await Promise.all(subscriptions.map(subscription => subscription.return()))
  })

  test('publishes a test event to others, by the keyboard', async () => {
    await using reader = await client('news')
    const { page, faults } = await visit()
    await page.getByLabel('Channel', { exact: true }).fill('news')
    await page.getByLabel('Event type').fill('greeting')
    await page.getByRole('textbox', { name: 'Data' }).fill('one\ntwo')
    await page.getByRole('textbox', { name: 'Data' }).press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText(/^Published to news at \d\d:\d\d:\d\d\.$/).waitFor()
    expect(await reader.next()).toMatchObject({ event: 'greeting', data: 'one\ntwo' })
    await page.getByLabel('Event type').fill('stream-end')
    await page.keyboard.press('Enter')
    await page.locator('#publish-form .said', { hasText: 'reserved' }).waitFor()
    expect(faults).toHaveLength(2)
    expect(faults).toContain(`${stage.served.url}/ops/live/publish: 400`)
    expect(dataOf(reader)).toEqual(['one\ntwo'])
  })

  test('ends a connection once that is confirmed, and no other', async () => {
    await using ann = await client('ann')
    await using bob = await client('bob')
    const { page, faults } = await visit()
    await row(page, 'connections', '/rooms/:channel · ann').getByRole('button').click()
    const dialog = page.getByRole('dialog', { name: 'End this connection?' })
    await dialog.getByText(/reads \/rooms\/:channel · ann, open for \d+ s\./).waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    await row(page, 'connections', '· ann').getByRole('button').focus()
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'End connection' }).click()
    await ann.ended()
    await page.getByText(/^Connection \d+ is ended\.$/).waitFor()
    await page.mouse.move(0, 0)
    await page.locator('#connections-title').click()
    await row(page, 'connections', '· ann').waitFor({ state: 'detached' })
    await row(page, 'connections', '· bob').waitFor()
    await router().publish('still here', { channel: 'bob' })
    expect((await bob.next())?.data).toBe('still here')
    expect(faults).toEqual([])
  })

  test('says that the server is gone and what its figures are of, and goes on with the next one', async () => {
    const first = await listen()
    const { page } = await stage.visit({}, urlOf(first))
    const port = portOf(first)
    await stop(first)
    await state(page, /^Reconnecting – figures of \d\d:\d\d:\d\d$/)
    const second = await listen(port)
    await using _reader = await live(second, '/rooms/fresh')
    await state(page, /^Live$/)
    await row(page, 'channels', 'fresh').waitFor()
    await stop(second)
  })

  test('read only, it offers nothing to do; and it says when access is over', async () => {
    let allowed = true
    options = { readOnly: true, authorize: () => allowed }
    const server = await listen()
    await using _reader = await live(server, '/rooms/a')
    const { page } = await stage.visit({}, urlOf(server))
    await row(page, 'connections', '· a').waitFor()
    expect(await page.getByRole('button', { name: /^End/ }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Publish' }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Watch a' }).count()).toBe(1)
    allowed = false
    server.closeAllConnections()
    await state(page, /^You have no access any more: reload the page – figures of /)
    await stop(server)
  })
})

const portOf = (server: Server) => (server.address() as AddressInfo).port
const urlOf = (server: Server) => `http://127.0.0.1:${portOf(server)}/ops/live/`

async function listen(port = 0): Promise<Server> {
  const server = createServer(makeApp().callback())
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}

async function stop(server: Server): Promise<void> {
  const closed = once(server.close(), 'close')
  server.closeAllConnections()
  await closed
}

describe('who uses it', () => {
  test('has nothing run out of the window, and no text too pale, on a desk or a telephone, by day or night', async () => {
    await using _reader = await client('news')
    await using _other = await client(`${'a-long-name'.repeat(20)}/news`)
    await using _lost = await live(stage.served.url, '/rooms/news?lastEventId=of-no-event')
    const { page } = await visit()
    await row(page, 'channels', 'a-long-name').waitFor()
    await page.getByText('The same figures as a table').click()
    await row(page, 'incidents', 'Hole').waitFor()
    for (const width of [320, 360, 800, 1440]) {
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.setViewportSize({ width, height: 800 })
        await page.emulateMedia({ colorScheme })
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width)
        const { count, low } = await page.evaluate<{ count: number; low: object[] }>('lowContrasts()')
        expect(count).toBeGreaterThan(100)
        expect([width, colorScheme, low]).toEqual([width, colorScheme, []])
      }
    }
  })

  test('finds its way by landmarks, headings and names', async () => {
    await using _reader = await client('news')
    const { page } = await visit()
    await row(page, 'channels', 'news').waitFor()
    const outline = await page.locator('body').ariaSnapshot()
    for (const part of [
      /^- banner:$/m,
      /^ +- heading "Live view" \[level=1\]$/m,
      /^ +- navigation "Sections":$/m,
      /^ +- status: Live$/m,
      /^- main:$/m,
      /^- contentinfo:$/m,
      ...['Rates', 'Channels', 'Watch a channel', 'Connections', 'Shared runs', 'Recent holes and errors'].map(
        name => new RegExp(`^ +- region "${name}":$`, 'm'),
      ),
      /img "CPU over the last 5 minutes: /,
      /^ +- slider "Look back": "0"$/m,
      /^ +- columnheader "Followers":$/m,
      /^ +- cell "news"$/m,
      /^ +- button "Watch news"/m,
      /^ +- button "End connection \d+ of \S+"/m,
    ]) {
      expect(outline).toMatch(part)
    }
    expect(await page.locator('#channels th').nth(1).getAttribute('aria-sort')).toBe('descending')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate<string>('location.hash')).toBe('#main')
  })

  test('is not told of figures that change, only of what happens to the page', async () => {
    await using _reader = await client('news')
    const { page } = await visit()
    const said = await page.evaluateHandle<string[]>(`{
      const said = []
      const note = records => said.push(...records.map(({ target }) => target.textContent))
      const kinds = { subtree: true, childList: true, characterData: true }
      for (const region of document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live]'))
        new MutationObserver(note).observe(region, kinds)
      said
    }`)
    const figures = await page.locator('#uptime').textContent()
    await router().publish('x', { channel: 'news' })
    await page
      .locator('#uptime')
      .filter({ hasNotText: figures ?? '' })
      .waitFor()
    await page.locator('#all', { hasText: 'events published here1' }).waitFor()
    expect(await said.jsonValue()).toEqual([])
  })

  test('looks back on all plots at once, with the slider or the pointer', async () => {
    await using _reader = await client('news')
    const { page } = await visit()
    // There are rates once there is a second to look back on.
    await plot(page, 'New streams').locator('.figure').filter({ hasNotText: '–' }).waitFor()
    const slider = page.getByRole('slider', { name: 'Look back' })
    await slider.press('Home')
    await page.locator('#cursor-time', { hasText: /, 300 s ago$/ }).waitFor()
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/300 s ago: Connections –, New streams –/)
    await plot(page, 'Connections').locator('.figure', { hasText: '–' }).waitFor()
    await slider.press('End')
    await slider.press('ArrowLeft')
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/, 1 s ago: Connections 1 open, /)
    await plot(page, 'Memory')
      .locator('svg')
      .hover({ position: { x: 1, y: 20 } })
    await page.locator('#cursor-time', { hasText: /, 29\d s ago$/ }).waitFor()
  })

  test('has rows stay where they are while the pointer is on them', async () => {
    const { pubsub } = router()
    const one = pubsub.subscribe('one')
    const two = [pubsub.subscribe('two'), pubsub.subscribe('two')]
    const { page } = await visit()
    const names = () => page.locator('#channels tbody .name').allTextContents()
    await row(page, 'channels', 'one').waitFor()
    expect(await names()).toEqual(['two', 'one'])
    await row(page, 'channels', 'one').hover()
    await Promise.all(two.map(subscription => subscription.return()))
    const three = [1, 2].map(() => pubsub.subscribe('three'))
    await page.locator('#channels tr.gone', { hasText: 'two' }).waitFor()
    expect(await names()).toEqual(['two', 'one'])
    expect(await page.locator('#channels .count').textContent()).toContain('held still')
    await page.mouse.move(0, 0)
    await row(page, 'channels', 'three').waitFor()
    expect(await names()).toEqual(['three', 'one'])
    await page.getByRole('columnheader', { name: 'Events' }).first().getByRole('button').click()
    await pubsub.publish('x', { channel: 'one' })
    await page.mouse.move(0, 0)
    await page.locator('#channels tbody tr:first-child', { hasText: 'one' }).waitFor()
    await Promise.all([one, ...three].map(subscription => subscription.return()))
  })
})
