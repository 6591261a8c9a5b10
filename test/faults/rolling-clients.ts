import { EventSource } from 'eventsource'
import type { Browser, Page } from 'playwright-core'
import { faultsOf, launch } from '../end-to-end/browser.js'

/** What a client got: of each channel its numbers, and `stream-reset` and `stream-end` where they came. */
export type Seen = Record<string, (number | string)[]>

/** What begins a stream, where nothing is published yet; and all that is written down. */
const FIRST = ['stream-open', 'message']
const NAMES = ['message', 'stream-reset', 'stream-end']

/** A client of the package `eventsource`, which does as browsers do. */
export class Client {
  readonly seen: Seen = {}
  /** Answers but 200, and streams that broke off or could not be had. */
  readonly faults: unknown[] = []
  /** Which processes have run the job. */
  readonly by = new Set<number>()
  readonly opened: Promise<unknown>
  readonly #source: EventSource

  constructor(url: string) {
    this.#source = new EventSource(url, { fetch: (input, init) => this.#fetch(input, init) })
    this.opened = Promise.race(
      FIRST.map(name => new Promise(resolve => this.#source.addEventListener(name, resolve, { once: true }))),
    )
    for (const name of NAMES) this.#source.addEventListener(name, ({ data }) => this.#hear(name, JSON.parse(data)))
    // Where the server has ended the stream there is no message.
    this.#source.addEventListener('error', ({ message }) => message && this.faults.push(message))
  }

  close(): void {
    this.#source.close()
  }

  #hear(name: string, { channel = 'job', n = name, by }: { channel?: string; n?: number | string; by?: number }): void {
    this.seen[channel] ??= []
    this.seen[channel].push(n)
    if (by !== undefined) this.by.add(by)
    if (name === 'stream-end') this.close()
  }

  async #fetch(input: string | URL, init: object): Promise<Response> {
    const response = await fetch(input, init)
    if (response.status !== 200) this.faults.push(response.status)
    return response
  }
}

/** A page of Chromium with some EventSources. Leaving its scope closes it. */
export class RollingPage implements AsyncDisposable {
  /** What a developer would see in red or yellow. */
  readonly faults: readonly string[]
  readonly #browser: Browser
  readonly #page: Page

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser
    this.#page = page
    this.faults = faultsOf(page)
  }

  /** Resolves once all streams have begun. */
  static async open(url: string, paths: readonly string[]): Promise<RollingPage> {
    const browser = await launch()
    const page = new RollingPage(browser, await browser.newPage({ ignoreHTTPSErrors: true }))
    await page.#page.goto(url)
    await page.#page.evaluate(`const [paths, first, names] = ${JSON.stringify([paths, FIRST, NAMES])}; ${OPEN}`)
    return page
  }

  /** What each stream got so far. */
  seen(): Promise<Seen[]> {
    return this.#page.evaluate<Seen[]>('window.seen')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}

const OPEN = `
  window.seen = paths.map(() => ({}))
  const opened = paths.map((path, index) => new Promise(resolve => {
    const source = new EventSource(path)
    for (const name of first) source.addEventListener(name, resolve, { once: true })
    for (const name of names) {
      source.addEventListener(name, event => {
        const { channel = 'job', n = name } = JSON.parse(event.data)
        ;(seen[index][channel] ??= []).push(n)
        if (name === 'stream-end') source.close()
      })
    }
  }))
  Promise.all(opened).then(() => {})
`
