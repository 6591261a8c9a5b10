import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Bidi } from './bidi.js'
import { Inbox, type Received } from './inbox.js'

/** The browser that the set-up has found. */
export const firefoxPath = process.env.FIREFOX_PATH || '/usr/bin/firefox-esr'

// No outside request, and no page of its own.
const PREFERENCES = {
  'app.normandy.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
}

const OPEN = `(url, names, tell) => {
  const source = new EventSource(url)
  for (const event of names) {
    source.addEventListener(event, ({ data, lastEventId: id }) => tell(JSON.stringify({ event, data, id })))
  }
  source.addEventListener('error', () => source.readyState === 2 && tell('stopped'))
}`

/** Firefox without a window, driven over WebDriver BiDi. */
export class Firefox {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #bidi: Bidi
  readonly #tab: string
  #inbox = new Inbox()

  private constructor(child: ChildProcess, profile: string, bidi: Bidi, tab: string) {
    this.#child = child
    this.#profile = profile
    this.#bidi = bidi
    this.#tab = tab
    bidi.on('script.message', ({ data }) => this.#hear((data as { value: string }).value))
  }

  static async start(): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'firefox-'))
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`)
    writeFileSync(join(profile, 'user.js'), lines.join('\n'))
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0']
    const child = spawn(firefoxPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile },
    })
    const bidi = await Bidi.connect(`${await addressOf(child)}/session`)
    await bidi.call('session.new', { capabilities: {} })
    await bidi.call('session.subscribe', { events: ['script.message'] })
    const { context } = await bidi.call('browsingContext.create', { type: 'tab' })
    return new Firefox(child, profile, bidi, context as string)
  }

  async visit(url: string): Promise<void> {
    await this.#bidi.call('browsingContext.navigate', { context: this.#tab, url, wait: 'complete' })
  }

  /** Closes what the page has open. */
  leave(): Promise<void> {
    return this.visit('about:blank')
  }

  /** Opens an EventSource in the page, one at a time. */
  async open(url: string, names: string[]): Promise<Inbox> {
    this.#inbox = new Inbox()
    const values = names.map(value => ({ type: 'string', value }))
    await this.#bidi.call('script.callFunction', {
      functionDeclaration: OPEN,
      awaitPromise: false,
      target: { context: this.#tab },
      arguments: [
        { type: 'string', value: url },
        { type: 'array', value: values },
        { type: 'channel', value: { channel: 'events' } },
      ],
    })
    return this.#inbox
  }

  async end(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#bidi.close()
    this.#child.kill()
    await exit
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }

  #hear(text: string): void {
    if (text === 'stopped') this.#inbox.stop()
    else this.#inbox.push(JSON.parse(text) as Received)
  }
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error('Firefox is started with a pipe')
  for await (const line of createInterface(stderr)) {
    const [, address] = /BiDi listening on (ws:\S+)/.exec(line) ?? []
    if (address === undefined) continue
    stderr.resume()
    return address
  }
  throw new Error('Firefox has ended before it listened')
}
