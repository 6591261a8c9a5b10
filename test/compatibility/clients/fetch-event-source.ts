import { describe, test } from '@jest/globals'
import { bundle, type Chromium } from './chromium.js'
import { proveReader } from './contract.js'
import type { Gallery } from './gallery.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { packageVersion } from './versions.js'

const name = '@microsoft/fetch-event-source'

/** What a server has sent that is restarted: the stream ends, but not with `stream-end`. */
const CUT = 'retry: 20\nid: 1\ndata: step 1 of backup\n\n'

export function proveFetchEventSource(browser: Chromium, gallery: Gallery): void {
  describe(`${name} ${packageVersion(name)} in Chromium`, () => {
    const serve = recipeServers()
    proveReader({
      gallery,
      open: async (url, names) => (await browser.opener(new URL(url).origin, '')).open('fetchEventSource', url, names),
    })

    test('the recipe: it sends headers and a body, goes on when the server is restarted, and stops at the end and when refused', async () => {
      const origin = `http://127.0.0.1:${await serve(name)}`
      const page = await browser.page(`${origin}/`, '<ol></ol><p></p>')
      const contents = snippet(name, 'js')
      await page.route(`${origin}/jobs`, route => route.fulfill({ contentType: 'text/event-stream', body: CUT }), {
        times: 1,
      })
      await page.addScriptTag({ content: bundle({ stdin: { contents, resolveDir: '.' } }) })
      await page.evaluate("watch('secret')")
      await shows(page, 'ol', 'step 1 of backupstep 2 of backupstep 3 of backup')
      await shows(page, 'p', 'Done')
      await page.evaluate("watch('wrong')")
      await shows(page, 'p', 'Refused: 401')
    })
  })
}
