import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import mount from 'koa-mount'
import type { Page } from 'playwright-core'
import { files } from '../../examples/files.js'
import { patiently, Stage, untilState } from './browser.js'

const path = '/chat/rooms/lobby'

/** The page with the chat's pane alone, in front of a channel that the test publishes to. */
class Room {
  sse = new SseRouter()
  readonly #history: { count?: number }

  constructor(history: { count?: number } = {}) {
    this.#history = history
  }

  app(): Koa {
    this.sse = new SseRouter({ plugin: mittPlugin({ history: this.#history }) })
    this.sse.pubSub('/rooms/:channel', { retry: 200 })
    const chat = new Koa()
    chat.use(this.sse.routes())
    return new Koa()
      .use(mount('/chat', chat))
      .use(files())
      .use(ctx => {
        ctx.body = [{ name: 'chat', title: 'Chat', summary: '', method: 'GET', stream: '/rooms/lobby', pane: 'chat' }]
      })
  }

  async say(...texts: (string | number)[]): Promise<string[]> {
    const publish = (text: string) => this.sse.publish({ name: 'Ann', text, time: new Date() }, { channel: 'lobby' })
    return Promise.all(texts.map(text => publish(`${text}`)))
  }
}

const shown = (page: Page) => page.locator('#chat .messages li span').allTextContents()
const untilShown = (page: Page, text: string | number) =>
  page.locator('#chat li span', { hasText: new RegExp(`^${text}$`) }).waitFor(patiently)
const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String(first + index))

/** What went wrong but for what a browser says of a connection that broke off. */
const otherThanBroken = (faults: readonly string[]) =>
  faults.filter(fault => !/net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION|EMPTY_RESPONSE|ABORTED)/.test(fault))

describe('a page that loses its connection', () => {
  const room = new Room()
  const stage = new Stage(() => room.app())

  test('shows what was published meanwhile, once and in order', async () => {
    const { page, faults } = await stage.visit()
    await untilState(page, 'chat', 'live')
    const ids = await room.say(...numbers(1, 5))
    await untilShown(page, 5)
    stage.served.breakOff()
    await room.say(...numbers(6, 30))
    await untilShown(page, 30)
    await untilState(page, 'chat', 'live')
    await room.say(31)
    await untilShown(page, 31)
    expect(await shown(page)).toEqual(numbers(1, 31))
    expect(stage.seen(path).map(({ lastEventId }) => lastEventId)).toEqual([undefined, ids.at(-1)])
    expect(otherThanBroken(faults)).toEqual([])
  })

  test('loses and doubles nothing when the connection breaks again and again in mid-burst', async () => {
    const { page } = await stage.visit()
    await untilState(page, 'chat', 'live')
    for (let first = 1; first <= 41; first += 10) {
      await room.say(...numbers(first, first + 4))
      stage.served.breakOff()
      await room.say(...numbers(first + 5, first + 9))
      await untilShown(page, first + 9)
    }
    expect(await shown(page)).toEqual(numbers(1, 50))
    expect(await page.locator('#chat .hole').count()).toBe(0)
    expect(stage.seen(path)).toHaveLength(6)
  })

  test('is cut before its first message, and still misses nothing', async () => {
    const { page } = await stage.visit()
    await untilState(page, 'chat', 'live')
    stage.served.breakOff()
    await room.say(...numbers(1, 3))
    await untilShown(page, 3)
    expect(await shown(page)).toEqual(numbers(1, 3))
  })

  test('goes on where it was when its pane has been out of view', async () => {
    const { page, faults } = await stage.visit({ viewport: { width: 360, height: 400 } })
    await page.locator('#chat .pane').scrollIntoViewIfNeeded()
    await untilState(page, 'chat', 'live')
    await room.say(1, 2)
    await untilShown(page, 2)
    await page.locator('footer').scrollIntoViewIfNeeded()
    await page.evaluate('document.body.style.paddingBottom = "100vh"; scrollTo(0, document.body.scrollHeight)')
    await untilState(page, 'chat', 'paused')
    await room.say(3, 4)
    await page.locator('#chat .pane').scrollIntoViewIfNeeded()
    await untilShown(page, 4)
    expect(await shown(page)).toEqual(numbers(1, 4))
    expect(faults).toEqual([])
  })
})

describe('a page that was away for longer than the history', () => {
  const room = new Room({ count: 3 })
  const stage = new Stage(() => room.app())

  test('says that something is missing, and why, once; and goes on', async () => {
    const { page, faults } = await stage.visit()
    await untilState(page, 'chat', 'live')
    await room.say(1, 2)
    await untilShown(page, 2)
    stage.served.breakOff()
    await room.say(...numbers(3, 9))
    const hole = page.locator('#chat .hole')
    await hole.waitFor(patiently)
    expect(await hole.textContent()).toMatch(/^Some events are missing here: .*too old.*\(trimmed\)\.$/)
    await untilState(page, 'chat', 'live')
    await room.say(10)
    await untilShown(page, 10)
    stage.served.breakOff()
    await room.say(11)
    await untilShown(page, 11)
    const items = await page.locator('#chat .messages li').allTextContents()
    expect(items.map(item => /missing|\d+$/.exec(item)?.[0])).toEqual(['1', '2', 'missing', '10', '11'])
    expect(otherThanBroken(faults)).toEqual([])
  })
})
