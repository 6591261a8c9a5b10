import { describe, expect, test } from '@jest/globals'
import type { Chromium } from './chromium.js'
import type { Gallery } from './gallery.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { packageVersion } from './versions.js'

const TITLE = 'htmx 4'
const HEAD = `<script src="https://cdn.jsdelivr.net/npm/htmx.org@4/dist/htmx.min.js"></script>
  <script src="https://cdn.jsdelivr.net/npm/htmx.org@4/dist/ext/hx-sse.min.js"></script>`

export function proveHtmx4(browser: Chromium, gallery: Gallery): void {
  describe(`htmx ${packageVersion('htmx4')} with its hx-sse`, () => {
    const serve = recipeServers()

    async function visit(path: string, more = '') {
      const html = `${HEAD}<title></title><i></i><div hx-sse:connect="${path}" hx-swap="beforeend"
        hx-on:stream-open="document.querySelector('i').textContent = data" ${more}></div>`
      return browser.page(`${gallery.url}/empty`, html)
    }

    test('swaps unnamed events in as they are sent', async () => {
      const page = await visit('/announcer/listen')
      await shows(page, 'i', '{"channels":["announcements"]}')
      for (const count of [1, 2]) {
        await gallery.ping()
        await shows(page, 'div', 'pong'.repeat(count))
      }
    })

    test('does not swap named events in: it raises them in the page', async () => {
      const page = await visit('/flask/stream', 'hx-on:greeting="document.title = data"')
      await shows(page, 'i', '{"channels":["sse"]}')
      await gallery.greet()
      await shows(page, 'title', '{"message":"Hello!"}')
      await shows(page, 'div', '')
    })

    test('reconnects with its last event ID after a cut, and misses nothing', async () => {
      const page = await visit('/publish/sse')
      await shows(page, 'i', '{"channels":["sse"]}')
      await gallery.publish('größer\n')
      await shows(page, 'div', 'größer\n')
      gallery.served.breakOff()
      await gallery.publish('while away')
      await shows(page, 'div', 'größer\nwhile away')
    })

    test('is not stopped by a 204: without hx-sse:close it asks again and again, and the job runs once', async () => {
      const before = await gallery.exportRuns()
      const path = await gallery.startExport(100)
      await visit(path)
      const seen = await gallery.answered(path, 3)
      expect(seen.map(({ status, lastEventId }) => `${status} ${lastEventId}`)).toEqual([
        '200 undefined',
        expect.stringMatching(/^204 ./),
        expect.stringMatching(/^204 ./),
      ])
      expect(await gallery.exportRuns()).toBe(before + 1)
    })

    test('the recipe: with hx-sse:close="stream-end" it stops for good at the end of a stream', async () => {
      const script = "addEventListener('htmx:sse:close', ({ detail }) => { reason = detail.reason })"
      const tab = await browser.tab()
      await tab.addInitScript(script)
      const page = await browser.page(`http://127.0.0.1:${await serve(TITLE)}/`, snippet(TITLE, 'html'), tab)
      await shows(page, 'ul', 'fetchtest & builddeploy')
      await shows(page, 'p', '3 steps')
      await page.waitForFunction("globalThis.reason === 'message'")
    })

    test('the recipe: the answer to a form that is posted is swapped in piece by piece', async () => {
      const page = await browser.page(`http://127.0.0.1:${await serve(TITLE)}/`, snippet(TITLE, 'html'))
      await page.getByLabel('Prompt').fill('to <be>')
      await page.getByRole('button').click()
      await shows(page, 'output', 'to <be> ')
    })
  })
}
