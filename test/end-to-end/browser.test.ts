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
    // Or more: a step is shown for half a second, and Playwright looks about as often.
    const reach = (percent: number) => {
      const steps = Array.from({ length: 20 }, (_, step) => step * 5 + 5).filter(step => step >= percent)
      return page.locator('#progress .percent', { hasText: new RegExp(`^(${steps.join('|')}) %$`) }).waitFor(patiently)
    }
    return { ...visit, percents, reach }
  }

  test('F4, F10, H1: it fills to 100 and stays, and the job has run once though EventSource reconnected', async () => {
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
    await reach(40)
    const steps = (await percents()).filter(text => text !== '0 %')
    expect(steps.slice(0, 8)).toEqual(Array.from({ length: 8 }, (_, step) => `${step * 5 + 5} %`))
    expect(stage.seen(path).map(({ lastEventId }) => lastEventId)).toEqual([
      undefined,
      expect.stringMatching(/^[\w-]+\.[34567]\./),
    ])
    expect(await runs()).toBe(before + 1)
  })

  test('F10: it goes on where it was when the page is reloaded in mid-run, and the job has run once', async () => {
    const before = await runs()
    const { page, faults, reach } = await start()
    await reach(30)
    await page.reload()
    await page.locator('#progress .pane').scrollIntoViewIfNeeded()
    await reach(30)
    const percents = await watchTexts(page, '#progress .percent')
    await untilState(page, 'progress', 'ended')
    const steps = (await percents()).map(text => Number.parseInt(text, 10))
    expect(steps).toEqual(steps.map((_, index) => (steps[0] ?? 0) + 5 * index))
    expect(steps[0]).toBeGreaterThan(30)
    expect(steps.at(-1)).toBe(100)
    expect(await page.locator('#progress [role=status]').textContent()).toBe('Done. The job ran once.')
    expect(await runs()).toBe(before + 1)
    expect(faults).toEqual([])
  }, 40_000)
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

  test('an answer can be stopped, for all who read it', async () => {
    const { page, faults } = await stage.visit()
    await page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await page.locator('#tokens .answer', { hasText: 'You asked' }).waitFor(patiently)
    const other = await stage.visit({}, page.url())
    await other.page.locator('#tokens .answer', { hasText: 'You asked' }).waitFor(patiently)
    await page.getByRole('button', { name: 'Stop' }).click()
    for (const tab of [page, other.page]) {
      await untilState(tab, 'tokens', 'stopped')
      expect(await tab.locator('#tokens .answer').textContent()).not.toMatch(/instead\.$/)
    }
    expect([...faults, ...other.faults]).toEqual([])
  })

  test('a reload in the middle of a sentence goes on there: each word once, and the model has run once', async () => {
    const runs = async () => (await (await fetch(`${stage.served.url}/tokens/runs`)).json()) as { runs: number }
    const before = (await runs()).runs
    const { page, faults } = await stage.visit()
    await page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await page.locator('#tokens .answer', { hasText: 'Reload the page' }).waitFor(patiently)
    await page.reload()
    await page.locator('#tokens .answer', { hasText: 'Reload the page' }).waitFor(patiently)
    const texts = await watchTexts(page, '#tokens .answer')
    expect(await page.locator('#tokens .answer').textContent()).not.toMatch(/instead\.$/)
    await untilState(page, 'tokens', 'ended')
    const pieces = await texts()
    expect(pieces.length).toBeGreaterThan(5)
    expect(pieces.slice(1).filter((piece, index) => !piece.startsWith(`${pieces[index]} `))).toEqual([])
    expect(pieces.at(-1)?.match(/You asked:|Each word|Reload the page|Open the address|Put your model/g)).toEqual([
      'You asked:',
      'Each word',
      'Reload the page',
      'Open the address',
      'Put your model',
    ])
    expect((await runs()).runs).toBe(before + 1)
    expect(faults).toEqual([])
  })

  test('an answer that is gone is said to be, and another can be asked for', async () => {
    const { page } = await stage.visit({}, `${stage.served.url}/?answer=gone`)
    await page.getByText('This answer is gone: ask again.').waitFor(patiently)
    await page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await page.locator('#tokens .answer', { hasText: 'You asked' }).waitFor(patiently)
    expect(page.url()).toMatch(/\?answer=[0-9a-f-]{36}/)
  })
})

describe('the export in Chromium', () => {
  const start = async (rows: number) => {
    const visit = await stage.visit()
    const pane = visit.page.locator('#export .pane')
    await pane.getByLabel('Rows').fill(`${rows}`)
    await pane.getByRole('button', { name: 'Export' }).click()
    return { ...visit, pane }
  }

  test('F11: it goes on when the page is reloaded, to its end', async () => {
    const { page, pane, faults } = await start(1_500)
    await pane.getByText(/^[3-9]00 of 1500 rows$/).waitFor(patiently)
    await page.reload()
    await pane.getByText('Done.').waitFor(patiently)
    expect(await pane.locator('.percent').textContent()).toBe('1500 of 1500 rows')
    expect(await pane.locator('progress').getAttribute('value')).toBe('1500')
    await untilState(page, 'export', 'ended')
    expect(stage.seen('/export/exports')).toHaveLength(1)
    expect(faults).toEqual([])
  })

  test('F11: a button cancels it, and another one can be started', async () => {
    const { page, pane, faults } = await start(100_000)
    await pane.getByText(/^[1-9]\d*00 of 100000 rows$/).waitFor(patiently)
    await pane.getByRole('button', { name: 'Cancel' }).click()
    await pane.getByText('Cancelled.').waitFor(patiently)
    await pane.getByLabel('Rows').fill('100')
    await pane.getByRole('button', { name: 'Export' }).click()
    await pane.getByText('Done.').waitFor(patiently)
    expect(stage.seen('/export/exports')).toHaveLength(2)
    expect(page.url()).toContain('export=')
    expect(faults).toEqual([])
  })
})
