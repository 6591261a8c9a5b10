import { describe, expect, test } from '@jest/globals'
import { patiently, Stage, untilState, type Visit, watchTexts } from './browser.js'

const stage = new Stage()

describe('endless streams in Chromium', () => {
  test('F9: the clock ticks', async () => {
    const { page, faults } = await stage.visit()
    const time = page.locator('#clock .latest', { hasText: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/ })
    const first = (await time.textContent(patiently)) ?? ''
    await time.filter({ hasNotText: first }).waitFor(patiently)
    await untilState(page, 'clock', 'live')
    expect(faults).toEqual([])
  })

  test('A1: the counter adds a line for each message', async () => {
    const { page, faults } = await stage.visit()
    await page.locator('#counter').scrollIntoViewIfNeeded()
    await page.locator('#counter li', { hasText: 'message counter - 1' }).waitFor(patiently)
    const lines = await page.locator('#counter li').allTextContents()
    expect(lines.slice(0, 2)).toEqual(['message counter - 0', 'message counter - 1'])
    expect(faults).toEqual([])
  })
})

describe('the progress bar in Chromium', () => {
  const path = '/progress/progressfeed'

  async function runs(): Promise<number> {
    const response = await fetch(`${stage.served.url}/progress/runs`)
    return ((await response.json()) as { runs: number }).runs
  }

  async function start() {
    const visit = await stage.visit()
    const { page } = visit
    const percents = await watchTexts(page, '#progress .percent')
    await page.locator('#progress .pane').scrollIntoViewIfNeeded()
    const reach = (percent: number) =>
      page.locator('#progress .percent', { hasText: new RegExp(`^${percent} %$`) }).waitFor(patiently)
    return { ...visit, percents, reach }
  }

  test('F4, F10: it fills to 100 and stays, and the job has run once though EventSource reconnected', async () => {
    const before = await runs()
    const { page, faults, percents, reach } = await start()
    await untilState(page, 'progress', 'ended')
    expect(await page.locator('#progress progress').getAttribute('value')).toBe('100')
    expect(await page.locator('#progress [role=status]').textContent()).toBe('Done. The job ran once.')
    const steps = Array.from({ length: 20 }, (_, step) => `${step * 5 + 5} %`)
    expect((await percents()).filter(text => text !== '0 %')).toEqual(steps)
    expect(stage.seen(path)).toMatchObject([
      { lastEventId: undefined, status: 200 },
      { lastEventId: 'stream-end', status: 204 },
    ])
    expect(await runs()).toBe(before + 1)

    await page.getByRole('button', { name: 'Run again' }).press('Enter')
    await reach(5)
    expect(await runs()).toBe(before + 2)
    expect(faults).toEqual([])
  }, 40_000)

  test('F10: it goes on where it was when the connection breaks in mid-run', async () => {
    const before = await runs()
    const { percents, reach } = await start()
    await reach(15)
    stage.served.breakOff()
    await reach(25)
    const steps = (await percents()).filter(text => text !== '0 %')
    expect(steps.slice(0, 5)).toEqual(['5 %', '10 %', '15 %', '20 %', '25 %'])
    expect(stage.seen(path).map(({ lastEventId }) => lastEventId)).toEqual([undefined, '3'])
    expect(await runs()).toBe(before + 1)
  })
})

describe('the token stream in Chromium', () => {
  async function ask(prompt: string): Promise<Visit & { texts: string[] }> {
    const visit = await stage.visit()
    const { page } = visit
    const texts = await watchTexts(page, '#tokens .answer')
    await page.getByLabel('Prompt').fill(prompt)
    await page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await untilState(page, 'tokens', 'ended')
    return { ...visit, texts: await texts() }
  }

  test('the answer appears piece by piece', async () => {
    const { faults, texts } = await ask('Why?')
    const pieces = texts.filter(text => text !== '')
    expect(pieces.length).toBeGreaterThan(10)
    expect(pieces[0]).toBe('You')
    expect(pieces.slice(1).filter((piece, index) => !piece.startsWith(`${pieces[index]} `))).toEqual([])
    expect(pieces.at(-1)).toMatch(/^You asked: “Why\?” Each word .+\.$/)
    expect(faults).toEqual([])
  })

  test('text that looks like HTML is shown as text', async () => {
    const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>&lt;b&gt;'
    const { page, faults } = await ask(attack)
    const answer = page.locator('#tokens .answer')
    expect(await answer.textContent()).toContain(`“${attack}”`)
    expect(await answer.locator('*').count()).toBe(0)
    expect(await page.title()).toBe('koa-eventfeed')
    expect(faults).toEqual([])
  })

  test('K1: an answer can be stopped, and the server sees that the reader has gone', async () => {
    const { page } = await stage.visit()
    await page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await page.locator('#tokens .answer', { hasText: 'You asked' }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await untilState(page, 'tokens', 'stopped')
    await Promise.all(stage.seen('/tokens/chat').map(({ over }) => over))
    expect(await page.locator('#tokens .answer').textContent()).not.toMatch(/instead\.$/)
  })
})
