import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals'
import type Koa from 'koa'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { close as closeGallery, app as gallery } from '../../examples/gallery.js'
import { type Seen, type Served, serve } from './serve.js'

/** For what takes as long as an example takes, such as a bar that fills in ten seconds. */
export const patiently = { timeout: 20_000 }

export interface Visit {
  readonly page: Page
  /** Whatever a developer would see in red or yellow: console messages, exceptions, failed requests. */
  readonly faults: readonly string[]
}

/** A page, served anew for each test, and Chromium to visit it with. */
export class Stage {
  #browser: Browser | undefined
  #served: Served | undefined

  /**
   * Prepares and clears up around the tests of the file that calls it.
   * @param app What is served; called for each test. The gallery by default.
   */
  constructor(app: () => Koa = () => gallery) {
    beforeAll(async () => {
      this.#browser = await launch()
    })
    beforeEach(async () => {
      this.#served = await serve(app())
    })
    afterEach(async () => {
      await Promise.all(this.#browser?.contexts().map(context => context.close()) ?? [])
      await this.served.close()
    })
    afterAll(async () => {
      await this.#browser?.close()
      await closeGallery()
    })
  }

  get served(): Served {
    if (this.#served === undefined) throw new Error('only within a test')
    return this.#served
  }

  seen(path: string): Seen[] {
    return this.served.seen(path)
  }

  /** Opens the page in a fresh profile and waits until the examples are there. */
  async visit(options: BrowserContextOptions = {}, url?: string): Promise<Visit> {
    return this.visitAgain(await this.profile(options), url)
  }

  /** A profile that has no tabs yet. */
  async profile(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    if (this.#browser === undefined) throw new Error('only within a test')
    return this.#browser.newContext(options)
  }

  /** Opens the page in one more tab of a profile; of another server, if one is named. */
  async visitAgain(profile: BrowserContext, url = this.served.url): Promise<Visit> {
    const page = await profile.newPage()
    await page.addInitScript({ path: fileURLToPath(new URL('in-page.js', import.meta.url)) })
    const faults = faultsOf(page)
    await page.goto(url)
    await page.locator('main[aria-busy=false]').waitFor()
    return { page, faults }
  }
}

/** Collects each text that an element shows, from now on. */
export async function watchTexts(page: Page, selector: string): Promise<() => Promise<string[]>> {
  const texts = await page.evaluateHandle<string[]>(`watchTexts(${JSON.stringify(selector)})`)
  return () => texts.jsonValue()
}

/** Waits until the pane of an example says this of its connection. */
export function untilState(page: Page, name: string, words: string): Promise<void> {
  return page.locator(`#${name} .state`, { hasText: new RegExp(`^${words}$`) }).waitFor(patiently)
}

export function launch(): Promise<Browser> {
  const { CHROMIUM_PATH } = process.env
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync', '--disable-component-update']
  return chromium.launch({
    executablePath: CHROMIUM_PATH || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', ...quiet],
  })
}

/** What Visit.faults is, of any page. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => faults.push(`exception: ${error}`))
  page.on('response', response => {
    if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`)
  })
  page.on('requestfailed', request => {
    const reason = request.failure()?.errorText
    // The page itself closes the stream of a pane that has left the view.
    const closedByPage = request.resourceType() === 'eventsource' && reason === 'net::ERR_ABORTED'
    if (!closedByPage) faults.push(`${request.url()}: ${reason}`)
  })
  return faults
}
