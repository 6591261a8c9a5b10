import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { app as examples } from '../../../examples/gallery.js'
import type { Chromium } from './chromium.js'
import type { Gallery } from './gallery.js'
import { recipeFolder, type ServeRecipe, snippet } from './recipes.js'

const HTTP2 = 'More than six streams: HTTP/2'

/** How many streams a browser opens to one server. */
export function proveLimits(browser: Chromium, gallery: Gallery, serve: ServeRecipe): void {
  async function openMany(origin: string, path: string, count: number) {
    const { page, open } = await browser.opener(origin, '')
    const inboxes = []
    for (let n = 0; n < count; n++) inboxes.push(await open('EventSource', `${origin}${path}`, ['message']))
    return { page, inboxes }
  }

  test('has 6 streams of a server open over HTTP/1.1: the seventh waits until one is closed', async () => {
    const path = '/clock/eventfeed'
    const { page, inboxes } = await openMany(gallery.url, path, 7)
    // A second goes by between two of the clock's events.
    await Promise.all(inboxes.slice(0, 6).map(inbox => inbox.take(2)))
    expect(gallery.served.seen(path)).toHaveLength(6)
    await page.evaluate('sources[0].close()')
    await inboxes[6]?.take(1)
    expect(gallery.served.seen(path)).toHaveLength(7)
  })

  test('has 30 streams open at once over HTTP/2 with TLS, on one connection', async () => {
    const { server, sessions, versions, used } = await secure()
    const { inboxes } = await openMany(`https://localhost:${portOf(server)}`, '/clock/eventfeed', 30)
    await Promise.all(inboxes.map(inbox => inbox.take(1)))
    expect(versions).toEqual(Array(30).fill('2.0'))
    expect(used.size).toBe(1) // Chromium may have opened another, and not used it
    const closed = once(server, 'close')
    server.close()
    for (const session of sessions) session.destroy()
    await closed
  })

  test('the recipe for HTTP/2 with TLS: more than 6 streams are open', async () => {
    makeCertificate()
    const { inboxes } = await openMany(`https://localhost:${await serve(HTTP2)}`, '/clock', 7)
    await Promise.all(inboxes.map(inbox => inbox.take(1)))
  })
}

/** The recipe's command. */
function makeCertificate(): void {
  const [command = '', ...args] = snippet(HTTP2, 'sh').trim().split(' ')
  expect(spawnSync(command, args, { cwd: recipeFolder() }).status).toBe(0)
}

/** The examples behind TLS, with what its connections and requests were. */
async function secure() {
  makeCertificate()
  const [key, cert] = ['key', 'cert'].map(name => readFileSync(`${recipeFolder()}/${name}.pem`))
  const server = createSecureServer({ key: key as Buffer, cert: cert as Buffer, allowHTTP1: true })
  const sessions: ServerHttp2Session[] = []
  const versions: string[] = []
  const used = new Set<unknown>()
  server.on('session', session => sessions.push(session))
  server.on('request', ({ httpVersion, stream }) => {
    versions.push(httpVersion)
    used.add(stream?.session)
  })
  server.on('request', examples.callback())
  await once(server.listen(0), 'listening')
  return { server, sessions, versions, used }
}

function portOf(server: Http2SecureServer): number {
  return (server.address() as AddressInfo).port
}
