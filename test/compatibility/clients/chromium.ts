import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll } from '@jest/globals'
import { type BuildOptions, buildSync } from 'esbuild'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launch } from '../../end-to-end/browser.js'
import { Inbox, type Received } from './inbox.js'
import { serveCdn } from './page.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The browser that the set-up has found. */
export const chromiumPath = process.env.CHROMIUM_PATH || '/usr/bin/chromium'

/** Makes one script of a page's module and the packages that it imports. */
export function bundle(
  source: Pick<BuildOptions, 'entryPoints' | 'stdin'>,
  alias: Record<string, string> = {},
): string {
  const { outputFiles } = buildSync({ ...source, alias, absWorkingDir: root, bundle: true, write: false })
  return outputFiles[0]?.text ?? ''
}

/** Chromium, with one profile, started once for all the tests of a file; each test's pages are closed after it. */
export class Chromium {
  readonly #inboxes: Inbox[] = []
  #browser: Browser | undefined
  #context: BrowserContext | undefined
  #clients = ''

  constructor() {
    beforeAll(async () => {
      this.#browser = await launch()
      // Self-made certificates are for tests.
      this.#context = await this.#browser.newContext({ ignoreHTTPSErrors: true })
      await serveCdn(this.#context)
      this.#clients = bundle({ entryPoints: [fileURLToPath(new URL('in-page.js', import.meta.url))] })
    })
    afterEach(async () => {
      await Promise.all(this.#context?.pages().map(page => page.close()) ?? [])
    })
    afterAll(async () => this.#browser?.close())
  }

  /** An empty tab. */
  async tab(): Promise<Page> {
    if (this.#context === undefined) throw new Error('only within a test')
    return this.#context.newPage()
  }

  /** Opens the page at an address, or one with this HTML, which nobody need serve there. */
  async page(url: string, html?: string, tab?: Page): Promise<Page> {
    const page = tab ?? (await this.tab())
    const body = `<!doctype html>${html}`
    if (html !== undefined) await page.route(url, route => route.fulfill({ contentType: 'text/html', body }))
    await page.goto(url)
    return page
  }

  /** Opens a page, in which streams are opened with the clients of in-page.js. */
  async opener(origin: string, html?: string): Promise<PageOpener> {
    const page = await this.page(`${origin}/empty`, html)
    await page.exposeFunction('tell', (told: Received & { inbox: number; stopped?: true }) => {
      const inbox = this.#inboxes[told.inbox]
      if (told.stopped) inbox?.stop()
      else inbox?.push(told)
    })
    await page.addScriptTag({ content: this.#clients })
    const open = async (client: string, url: string, names: string[], options = {}) => {
      const words = [url, names, this.#inboxes.push(new Inbox()) - 1, options].map(word => JSON.stringify(word))
      await page.evaluate(`void (sources = globalThis.sources ?? []).push(open.${client}(${words}))`)
      return this.#inboxes.at(-1) as Inbox
    }
    return { page, open }
  }
}

export interface PageOpener {
  page: Page
  /** Opens a stream with a client, and collects the events of these names. */
  open(client: string, url: string, names: string[], options?: object): Promise<Inbox>
}
