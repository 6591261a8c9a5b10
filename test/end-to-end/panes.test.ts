import { describe, expect, test } from '@jest/globals'
import { patiently, Stage, untilState } from './browser.js'

const stage = new Stage()

async function enter(name: string) {
  const visit = await stage.visit()
  const card = visit.page.locator(`#${name}`)
  await card.locator('.pane').scrollIntoViewIfNeeded()
  await untilState(visit.page, name, 'live')
  return { ...visit, card, pane: card.locator('.pane') }
}

describe('the panes of what comes from Flask', () => {
  test('A3: a price that is set is shown', async () => {
    const { pane, faults } = await enter('price')
    await pane.getByLabel('Price').fill('102.5')
    await pane.getByRole('button').click()
    await pane.getByText('Current Price - 102.5').waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('A5: a text that is published is shown, as text', async () => {
    const { pane, faults } = await enter('publish')
    await pane.getByLabel('Text').fill('<b>hi</b>')
    await pane.getByRole('button', { name: 'Publish' }).click()
    await pane.getByText('{"text":"<b>hi</b>"}').waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('A10: a page of another origin can be opened in the pane, reads and publishes, and can be closed', async () => {
    const { page, pane, faults } = await enter('publish')
    const toggle = pane.getByRole('button', { name: 'Open a page of another origin' })
    await toggle.click()
    const other = page.frameLocator('#publish iframe')
    await other.getByText('Text').fill('from elsewhere')
    await other.getByRole('button').click()
    await other.getByText('published from the origin null').waitFor(patiently)
    for (const place of [pane, other.locator('pre')]) {
      await place.getByText('{"text":"from elsewhere"}').waitFor(patiently)
    }
    await toggle.click()
    await page.locator('#publish iframe').waitFor({ state: 'detached' })
    expect(faults).toEqual([])
  })

  test('B2: the greeting is shown, and what the route answers', async () => {
    const { pane, faults } = await enter('flask')
    await pane.getByRole('button').click()
    await pane.locator('li', { hasText: /^greeting Hello!$/ }).waitFor(patiently)
    await pane.getByText('Message sent!').waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('D1, D2: who logs in writes under that name', async () => {
    const { pane, faults } = await enter('redis-chat')
    const write = async (line: string) => {
      await pane.getByLabel('Line').fill(line)
      await pane.getByRole('button', { name: 'Send' }).click()
    }
    await write('who am I?')
    await pane.locator('li', { hasText: /^\[..:..:..\] anonymous: who am I\?$/ }).waitFor(patiently)
    await pane.getByLabel('Name').fill('Ann')
    await pane.getByRole('button', { name: 'Log in' }).click()
    await pane.getByText('You are Ann.').waitFor(patiently)
    await write('I am Ann')
    await pane.locator('li', { hasText: /^\[..:..:..\] Ann: I am Ann$/ }).waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('F1, F5, F11: the streams of the blueprint are shown one at a time', async () => {
    const { page, pane, faults } = await enter('blueprint')
    const line = (pattern: RegExp) => pane.locator('li', { hasText: pattern }).first().waitFor(patiently)
    await line(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    await pane.getByLabel('Stream').selectOption('dice')
    await line(/^That is the end\.$/)
    expect(await pane.locator('li').allTextContents()).toEqual([
      ...Array(3).fill(expect.stringMatching(/^[1-6]$/)),
      'That is the end.',
    ])
    await untilState(page, 'blueprint', 'ended')
    await pane.getByLabel('Stream').selectOption('sse/news')
    await untilState(page, 'blueprint', 'live')
    await pane.getByLabel('To news').fill('<b>hi</b>')
    await pane.getByRole('button', { name: 'Publish' }).click()
    await line(/^<b>hi<\/b>$/)
    await pane.getByRole('button', { name: 'Start a job' }).click()
    await line(/^report: deployed$/)
    expect(await pane.locator('li').allTextContents()).toEqual(['report: fetched', 'report: built', 'report: deployed'])
    expect(faults).toEqual([])
  })

  test('what the operations example sends is seen in its live view, which a link opens', async () => {
    const { page, pane, faults } = await enter('operations')
    await pane
      .locator('li', { hasText: /^(ada|grace|linus) \d+\.\d\d$/ })
      .first()
      .waitFor(patiently)
    const opened = page.waitForEvent('popup')
    await pane.getByRole('link', { name: 'Open the live view' }).click()
    const view = await opened
    await view.locator('#channels').getByText('grace').first().waitFor(patiently)
    await view.close()
    expect(faults).toEqual([])
  })

  test('without Redis the cards say how to start with one', async () => {
    const { page } = await stage.visit()
    for (const [name, command] of [
      ['price', 'redis-cli SET current_price 101'],
      ['publish', 'redis-cli PUBLISH sse hello'],
      ['flask', 'redis-cli PUBLISH flask:sse'],
    ]) {
      const note = await page.locator(`#${name} .note`).textContent()
      expect(note).toMatch(/^Started with REDIS_URL=redis:\/\/localhost npm start, /)
      expect(note).toContain(command)
    }
    expect(await page.locator('#chat .plugin').textContent()).toBe('carried by mitt')
  })
})

test('D1, D3: the chat has a page of its own, with a login, which shows a script as text', async () => {
  const { page, faults } = await stage.visit()
  await page.goto(`${stage.served.url}/redis-chat/`)
  await page.waitForURL('**/redis-chat/login')
  await page.locator('input').fill('<script>document.title=1</script>')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/redis-chat/')
  const opened = page.waitForResponse('**/redis-chat/stream')
  await page.reload()
  await opened
  await page.locator('input').fill('<b>hi</b>')
  await page.keyboard.press('Enter')
  await page.getByText('] <script>document.title=1</script>: <b>hi</b>').waitFor(patiently)
  expect(await page.title()).toBe('Redis chat')
  expect(faults.filter(fault => !fault.includes('404'))).toEqual([]) // /favicon.ico, which browsers ask for
})

test('the links at the top lead to the examples', async () => {
  const { page, faults } = await stage.visit()
  const links = await page.locator('nav a').all()
  expect(links.length).toBe(await page.locator('.card').count())
  await page.getByRole('link', { name: 'Session chat' }).click()
  await untilState(page, 'redis-chat', 'live')
  expect(faults).toEqual([])
})

test('the source of what picks the plugin is shown at the foot', async () => {
  const { page } = await stage.visit()
  await page.getByText('Source of plugin.ts').click()
  await page.locator('footer code', { hasText: 'redisPlugin' }).waitFor(patiently)
})
