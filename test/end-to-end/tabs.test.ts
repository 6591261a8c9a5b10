import { describe, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { patiently, Stage, untilState, type Visit } from './browser.js'

const stage = new Stage()

describe('the gallery in several tabs', () => {
  const endless = {
    clock: 'eventfeed',
    counter: 'sse',
    chat: 'rooms/lobby',
    announcer: 'listen',
    notifications: 'events',
  }
  const panes = Object.keys(endless)
  const tall = { viewport: { width: 1280, height: 3_000 } }

  // It ends after ten seconds and gives its connection back: sooner or later than what is tested.
  const hideProgress = `addEventListener('DOMContentLoaded', () => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync('#progress { display: none }')
    document.adoptedStyleSheets.push(sheet)
  })`

  async function enter({ page }: Visit): Promise<void> {
    await page.locator('#chat .pane').scrollIntoViewIfNeeded()
    await untilState(page, 'chat', 'live')
  }

  async function write(page: Page, name: string, text: string): Promise<void> {
    await page.locator('#chat').getByLabel('Name').fill(name)
    await page.locator('#chat').getByLabel('Message', { exact: true }).fill(text)
    await page.locator('#chat').getByLabel('Message', { exact: true }).press('Enter')
  }

  const message = (page: Page, text: string) => page.locator('#chat .messages li', { hasText: text })

  test('two in one room see what the other writes, a third what was written before it came', async () => {
    const ann = await stage.visit()
    await enter(ann)
    const bob = await stage.visitAgain(ann.page.context())
    await enter(bob)
    await write(ann.page, 'Ann', 'Hello Bob')
    await message(bob.page, 'Ann Hello Bob').waitFor(patiently)
    await write(bob.page, 'Bob', 'Hello Ann')
    await message(bob.page, 'Bob Hello Ann').waitFor(patiently)
    await bob.page.close()
    const third = await stage.visitAgain(ann.page.context())
    await enter(third)
    for (const { page } of [ann, third]) {
      await message(page, 'Bob Hello Ann').waitFor(patiently)
      const texts = await page.locator('#chat .messages li').allTextContents()
      expect(texts.slice(-2).map(text => text.replace(/^\d\d:\d\d /, ''))).toEqual(['Ann Hello Bob', 'Bob Hello Ann'])
    }
    expect(await ann.page.locator('#chat').getByLabel('Message', { exact: true }).inputValue()).toBe('')
    expect([...ann.faults, ...bob.faults, ...third.faults]).toEqual([])
  })

  test('a room of its own shows its own messages, and text that looks like HTML as text', async () => {
    const { page, faults } = await stage.visit()
    const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>&lt;b&gt;'
    await enter({ page, faults })
    await write(page, 'Ann', 'in the lobby')
    await message(page, 'in the lobby').waitFor(patiently)
    await page.getByLabel('Room').selectOption('garden')
    await untilState(page, 'chat', 'live')
    await write(page, attack.slice(0, 40), attack)
    await message(page, attack).waitFor(patiently)
    expect(await page.locator('#chat .messages li').count()).toBe(1)
    expect(await page.locator('#chat .messages li *').count()).toBe(3)
    expect(await page.title()).toBe('koa-eventfeed')
    expect(faults).toEqual([])
  })

  test('every room that can be chosen is there', async () => {
    const { page, faults } = await stage.visit()
    await enter({ page, faults })
    for (const room of await page.getByLabel('Room').locator('option').allTextContents()) {
      await page.getByLabel('Room').selectOption(room)
      await write(page, 'Ann', `There is the ${room}`)
      await message(page, `There is the ${room}`).waitFor(patiently)
    }
    expect(faults).toEqual([])
  })

  // Which of the panes are live is a race that none of them has to win.
  async function untilLive(page: Page, count: number): Promise<string[]> {
    const of = (words: string) => page.locator(panes.map(name => `#${name} .state:text-is("${words}")`).join())
    await of('live')
      .nth(count - 1)
      .waitFor(patiently)
    await of('waiting for a free connection')
      .nth(panes.length - count - 1)
      .waitFor(patiently)
    return of('live').evaluateAll(lines => lines.map(line => line.closest('article')?.id ?? ''))
  }

  test('more panes than connections: who has none says so, and gets one when it is used', async () => {
    const profile = await stage.profile(tall)
    await profile.addInitScript(hideProgress)
    const first = await stage.visitAgain(profile)
    const live = await untilLive(first.page, 4)
    const asked = Object.entries(endless).filter(([name, path]) => stage.seen(`/${name}/${path}`).length > 0)
    expect(asked.map(([name]) => name)).toEqual(live)
    const second = await stage.visitAgain(profile)
    for (const name of panes) await untilState(second.page, name, 'waiting for a free connection')
    await write(second.page, 'Bob', 'heard in the second tab')
    await message(second.page, 'heard in the second tab').waitFor(patiently)
    expect(await untilLive(second.page, 1)).toEqual(['chat'])
    const left = await untilLive(first.page, 3)
    expect(live).toEqual(expect.arrayContaining(left))
    await first.page.close()
    expect(await untilLive(second.page, 4)).toContain('chat')
    expect([...first.faults, ...second.faults]).toEqual([])
  })
})

describe('the panes of channels', () => {
  test('C1: a ping is announced', async () => {
    const { page, faults } = await stage.visit()
    await page.locator('#announcer .pane').scrollIntoViewIfNeeded()
    await untilState(page, 'announcer', 'live')
    await page.getByRole('button', { name: 'Ping' }).click()
    await page.locator('#announcer li', { hasText: /^\d\d:\d\d:\d\d {2}pong$/ }).waitFor(patiently)
    expect(await page.locator('#announcer li').count()).toBe(1)
    expect(faults).toEqual([])
  })

  test('S1: an order is notified, then that it is shipped', async () => {
    const { page, faults } = await stage.visit()
    await page.locator('#notifications .pane').scrollIntoViewIfNeeded()
    await untilState(page, 'notifications', 'live')
    await page.getByRole('button', { name: 'Place an order' }).click()
    await page.locator('#notifications li', { hasText: 'shipped' }).waitFor(patiently)
    const texts = await page.locator('#notifications li').allTextContents()
    expect(texts).toEqual([
      expect.stringMatching(/^order Order \d+ has come in\.$/),
      expect.stringMatching(/^shipped Order \d+ is on its way\.$/),
    ])
    expect(faults).toEqual([])
  })
})
