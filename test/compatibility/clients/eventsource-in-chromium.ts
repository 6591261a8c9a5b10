import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { serve as serveApp } from '../../end-to-end/serve.js'
import { type Chromium, chromiumPath } from './chromium.js'
import { proveReader } from './contract.js'
import type { Gallery } from './gallery.js'
import { proveJob } from './job.js'
import { proveLimits } from './limits.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { programVersion } from './versions.js'

const PAGE = 'http://localhost:8080'
const COOKIES = 'EventSource from another origin, with cookies'

export function proveEventSource(browser: Chromium, gallery: Gallery): void {
  describe(`EventSource in Chromium ${programVersion(chromiumPath)}`, () => {
    const serve = recipeServers()
    const open = async (url: string, names: string[]) =>
      (await browser.opener(new URL(url).origin, '')).open('EventSource', url, names)
    proveReader({ gallery, afterEnd: 204, open })
    proveJob(open)

    test('is closed for good by a 404 and by a 403', async () => {
      const { open } = await browser.opener(gallery.url, '')
      for (const [path, status] of [
        ['/export/exports/none', 404],
        ['/flask/stream?channel=analytics', 403],
      ] as const) {
        const inbox = await open('EventSource', `${gallery.url}${path}`, ['message'])
        expect(await inbox.stopped()).toEqual([])
        expect(gallery.served.seen(path.split('?')[0] ?? '').at(-1)?.status).toBe(status)
      }
    })

    test('reads from another origin where @koa/cors lets it, and is refused where not', async () => {
      await using elsewhere = await serveNothing()
      const { open } = await browser.opener(elsewhere.origin)
      const allowed = await open('EventSource', `${gallery.url}/publish/sse`, ['stream-open', 'message'])
      await allowed.take(1, 'stream-open')
      await gallery.publish('to all')
      expect(await allowed.take(1)).toEqual(['to all'])
      const refused = await open('EventSource', `${gallery.url}/announcer/listen`, ['stream-open'])
      expect(await refused.stopped()).toEqual([])
    })

    test('sends its cookies to another origin, as the recipe says', async () => {
      await using elsewhere = await serveNothing()
      const url = `http://localhost:${await serve(COOKIES, code => code.replace(PAGE, elsewhere.origin))}`
      const { page, open } = await browser.opener(elsewhere.origin)
      await page.evaluate(`fetch('${url}/login', { method: 'POST', credentials: 'include' })`)
      await page.addScriptTag({ content: snippet(COOKIES, 'js').replace('http://localhost:3000', url) })
      await shows(page, 'body', 'Hello, ann')
      const without = await open('EventSource', `${url}/inbox`, ['message'])
      expect(await without.stopped()).toEqual([])
    })

    proveLimits(browser, gallery, serve)
  })
}

/** Another origin, whose pages are empty. */
async function serveNothing() {
  const app = new Koa().use(ctx => {
    ctx.body = '<!doctype html>'
  })
  const { url, close } = await serveApp(app)
  return { origin: url.replace('127.0.0.1', 'localhost'), [Symbol.asyncDispose]: close }
}
