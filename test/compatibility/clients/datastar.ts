import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { ServerSentEvent, type StreamRequest } from 'koa-eventfeed'
import { serve as serveRoutes } from '../../support.js'
import { bundle, type Chromium } from './chromium.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { packageVersion } from './versions.js'

const TITLE = 'Datastar'
const name = '@starfederation/datastar'

export function proveDatastar(browser: Chromium): void {
  describe(`Datastar ${packageVersion(name)}`, () => {
    const serve = recipeServers()
    let script = ''

    async function visit(origin: string, html: string) {
      script ||= bundled()
      const tab = await browser.tab()
      await tab.route('**/datastar.js', route => route.fulfill({ contentType: 'text/javascript', body: script }))
      return browser.page(`${origin}/`, html, tab)
    }

    test('the recipe: its signals arrive in ?datastar=, and its events change the page', async () => {
      const page = await visit(`http://127.0.0.1:${await serve(TITLE)}`, snippet(TITLE, 'html'))
      await page.getByRole('button').click()
      await shows(page, 'output', 'Ann & Bob')
      await shows(page, '#greeting', '\nHello, Ann & Bob\n')
    })

    test('reconnects with its last event ID after a cut, and stops at the end of a stream', async () => {
      const { requests, count } = counting()
      await using served = await serveRoutes(sse => sse.streamGen('/count', count, { retry: 50 }))
      const page = await visit(served.url, snippet(TITLE, 'html').replace('/hello', '/count'))
      const finished = page.evaluate(`new Promise(finish => document.addEventListener('datastar-sse', ({ detail }) => {
        if (detail.type === 'finished') finish()
      }))`)
      await page.getByRole('button').click()
      await shows(page, '#greeting', '1 größer2 größer')
      served.server.closeAllConnections()
      await finished
      await shows(page, '#greeting', '1 größer2 größer3 größer')
      expect(requests).toEqual([undefined, '2'])
    })
  })
}

/** Counts to three, for a first request to two only; keeps the last event ID of every request. */
function counting() {
  const requests: (string | undefined)[] = []
  const count = async function* ({ lastEventId, signal }: StreamRequest) {
    requests.push(lastEventId)
    for (let n = Number(lastEventId ?? 0) + 1; n <= 3; n++) {
      const data = `selector #greeting\nmergeMode append\nfragments <b>${n} größer</b>`
      yield new ServerSentEvent(data, { event: 'datastar-merge-fragments', id: n })
      if (n === 2 && requests.length === 1) await setTimeout(60_000, undefined, { signal })
    }
  }
  return { requests, count }
}

/** The package's modules are written for a bundler that knows its root as ~. */
function bundled(): string {
  const dist = new URL(`../../../node_modules/${name}/dist/`, import.meta.url).pathname
  const contents = readFileSync(`${dist}bundles/datastar.js`, 'utf8')
  return bundle({ stdin: { contents, resolveDir: dist } }, { '~': dist })
}
