import { describe, expect, test } from '@jest/globals'
import type { Chromium } from './chromium.js'
import type { Gallery } from './gallery.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { packageVersion } from './versions.js'

const TITLE = 'htmx 2'
const HEAD = `<script src="https://cdn.jsdelivr.net/npm/htmx.org@2/dist/htmx.min.js"></script>
  <script src="https://cdn.jsdelivr.net/npm/htmx-ext-sse@2/dist/sse.min.js"></script>`

export function proveHtmx2(browser: Chromium, gallery: Gallery): void {
  describe(`htmx ${packageVersion('htmx2')} with htmx-ext-sse ${packageVersion('htmx-ext-sse')}`, () => {
    const serve = recipeServers()

    async function visit(path: string, event: string, more = '') {
      const html = `${HEAD}<main hx-ext="sse" sse-connect="${path}" ${more}><i sse-swap="stream-open"></i>
        <div sse-swap="${event}" hx-swap="beforeend"></div></main>`
      return browser.page(`${gallery.url}/empty`, html)
    }

    test('swaps unnamed events in as they are sent, and named ones by their names', async () => {
      const unnamed = await visit('/announcer/listen', 'message')
      await shows(unnamed, 'i', '{"channels":["announcements"]}')
      for (const count of [1, 2]) {
        await gallery.ping()
        await shows(unnamed, 'div', 'pong'.repeat(count))
      }
      const named = await visit('/flask/stream', 'greeting')
      await shows(named, 'i', '{"channels":["sse"]}')
      await gallery.greet()
      await shows(named, 'div', '{"message":"Hello!"}')
    })

    test('reconnects with its last event ID after a cut, and misses nothing', async () => {
      const page = await visit('/publish/sse', 'message')
      await shows(page, 'i', '{"channels":["sse"]}')
      await gallery.publish('größer\n')
      await shows(page, 'div', 'größer\n')
      gallery.served.breakOff()
      await gallery.publish('while away')
      await shows(page, 'div', 'größer\nwhile away')
    })

    test('is not stopped by a 204: without sse-close it opens the stream anew', async () => {
      const path = await gallery.startExport(100)
      await visit(path, 'message')
      const seen = await gallery.answered(path, 3)
      expect(seen.map(({ status }) => status)).toEqual([200, 204, 200])
    })

    test('the recipe: with sse-close="stream-end" it stops for good at the end of a stream', async () => {
      const script = "addEventListener('htmx:sseClose', ({ detail }) => { ended = detail.source })"
      const tab = await browser.tab()
      await tab.addInitScript(script)
      const page = await browser.page(`http://127.0.0.1:${await serve(TITLE)}/`, snippet(TITLE, 'html'), tab)
      await shows(page, 'ul', 'fetchtest & builddeploy')
      await page.waitForFunction("'ended' in globalThis && ended.readyState === EventSource.CLOSED")
    })
  })
}
