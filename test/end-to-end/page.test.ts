import { readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { examples } from '../../examples/list.js'
import { Stage, untilState } from './browser.js'

const stage = new Stage()
const phone = { viewport: { width: 360, height: 800 } }
const code = (page: Page, name: string) => page.locator(`#${name} .source code`)

async function openSources(page: Page): Promise<void> {
  for (const { name } of examples) {
    await page.locator(`#${name} summary`).click()
    await code(page, name).locator('span').first().waitFor()
  }
}

describe('sources', () => {
  test('each is one click away, and shown as it is', async () => {
    const { page, faults } = await stage.visit()
    await openSources(page)
    for (const { name } of examples) {
      const source = await readFile(new URL(`../../examples/${name}.ts`, import.meta.url), 'utf8')
      expect(await code(page, name).textContent()).toBe(source)
    }
    expect(faults).toEqual([])
  })

  test('the keyboard opens one, and is not lost', async () => {
    const { page } = await stage.visit()
    for (const _ of [...examples, 'the source']) await page.keyboard.press('Tab') // past the links to the examples
    await page.keyboard.press('Enter')
    await code(page, 'clock').locator('span').first().waitFor()
    expect(await page.locator(':focus').textContent()).toBe('Source of clock.ts')
  })

  test('one that cannot be loaded says so, and is tried again when it is opened again', async () => {
    const { page } = await stage.visit()
    const summary = page.locator('#clock summary')
    await page.route('**/source/*', route => route.abort())
    await summary.click()
    await code(page, 'clock').filter({ hasText: 'could not be loaded' }).waitFor()
    await page.unroute('**/source/*')
    await summary.click()
    await summary.click()
    await code(page, 'clock').filter({ hasText: 'streamFunc' }).waitFor()
  })
})

describe('streams in view', () => {
  test('an endless stream is open only while its pane is in view', async () => {
    const { page, faults } = await stage.visit(phone)
    await untilState(page, 'clock', 'live')
    expect(stage.seen('/counter/sse')).toEqual([])
    await page.locator('footer').scrollIntoViewIfNeeded()
    await untilState(page, 'clock', 'paused')
    await Promise.all(stage.seen('/clock/eventfeed').map(({ over }) => over))
    await page.locator('h1').scrollIntoViewIfNeeded()
    await untilState(page, 'clock', 'live')
    expect(stage.seen('/clock/eventfeed')).toHaveLength(2)
    expect(faults).toEqual([])
  })

  test('a pane says that its stream has broken off, and goes live again by itself', async () => {
    const { page } = await stage.visit(phone)
    await untilState(page, 'clock', 'live')
    stage.served.breakOff()
    await untilState(page, 'clock', 'reconnecting')
    await untilState(page, 'clock', 'live')
  })
})

describe.each(['light', 'dark'] as const)('the %s look', colorScheme => {
  test('every text stands out from what is behind it', async () => {
    const { page, faults } = await stage.visit({ colorScheme })
    await openSources(page)
    await untilState(page, 'progress', 'live')
    const { count, low } = await page.evaluate<{ count: number; low: unknown[] }>('lowContrasts()')
    expect(count).toBeGreaterThan(50)
    expect(low).toEqual([])
    expect(faults).toEqual([])
  })

  test('the page is as bright as the scheme says', async () => {
    const { page } = await stage.visit({ colorScheme })
    const [red] = await page.evaluate<number[]>(
      'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)',
    )
    expect(red).toBeGreaterThan(colorScheme === 'light' ? 240 : 0)
    expect(red).toBeLessThan(colorScheme === 'light' ? 256 : 40)
  })
})

test.each([320, 360, 768, 1280])('nothing scrolls sideways at %i pixels, with all sources open', async width => {
  const { page } = await stage.visit({ viewport: { width, height: 800 } })
  await openSources(page)
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  const outside = `[...document.querySelectorAll('.card *:not(.source pre *)')].filter(e => e.getBoundingClientRect().right > ${width})`
  expect(await page.evaluate(`${outside}.map(e => e.className || e.tagName)`)).toEqual([])
})
