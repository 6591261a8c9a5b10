import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { certificate, certificateKey } from './compatibility/proxies/stage.js'
import { closed, counting, isSoon, taken } from './draining.js'
import { tlsCa as ca } from './redis/server.js'
import { serve } from './support.js'

/** What a user would notice, in milliseconds. */
const SOON = 1_000

describe('server.close() then returns', () => {
  test('at once, though clients keep idle connections open', async () => {
    await using served = await serve(sse => {
      sse.pubSub('/s')
      sse.streamGen('/short', ['x'])
      sse.get('/plain', ctx => {
        ctx.body = 'plain'
      })
    })
    served.server.keepAliveTimeout = 60_000
    const agent = new http.Agent({ keepAlive: true })
    const ask = async (path: string) => {
      const [response] = (await once(http.get(served.url + path, { agent }), 'response')) as [http.IncomingMessage]
      return response.resume()
    }
    await once(await ask('/s'), 'data')
    const over = ['/plain', '/short'].map(async path => once(await ask(path), 'end'))
    await Promise.all(over)
    await served.sse.close({ within: 400 })
    expect(await taken(() => closed(served))).toBeLessThan(SOON)
    agent.destroy()
  })

  test('also where it was called first, and a run comes to its end on a connection that is kept alive', async () => {
    await using served = await serve(sse =>
      sse.streamGen('/job', request => counting(request, 5), { share: true, detached: true }),
    )
    served.server.keepAliveTimeout = 60_000
    const agent = new http.Agent({ keepAlive: true })
    const [response] = (await once(http.get(`${served.url}/job`, { agent }), 'response')) as [http.IncomingMessage]
    const text = response.setEncoding('utf8').toArray()
    const listening = closed(served)
    await served.sse.close({ within: 5_000 })
    expect(await taken(() => listening)).toBeLessThan(SOON)
    expect((await text).join('')).toContain('event: stream-end')
    agent.destroy()
  })
})

const kinds = {
  'without TLS': () => http2.createServer(),
  'with TLS': () => http2.createSecureServer({ cert: readFileSync(certificate), key: readFileSync(certificateKey) }),
}

/** A client's connection, and what opens a stream on it. */
function connect(url: string) {
  const session = http2.connect(url, { ca })
  const open = async () => {
    const stream = session.request({ ':path': '/s' }).setEncoding('utf8')
    const received = { text: '' }
    stream.on('data', text => {
      received.text += text
    })
    const over = once(stream, 'end').then(() => performance.now())
    const [head] = await once(stream, 'response')
    await once(stream, 'data')
    const retry = () => Number(/^retry: (\d+)$/m.exec(received.text)?.[1])
    return { status: head[':status'] as number, over, retry }
  }
  return { session, open }
}

describe.each(Object.entries(kinds))('over HTTP/2 %s', (_, make) => {
  test('streams that share connections end one by one, who asks for one meanwhile is sent away, server.close() returns', async () => {
    const sse = new SseRouter()
    sse.pubSub('/s')
    const server = make()
    server.on('request', new Koa().use(sse.routes()).callback())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `${'setSecureContext' in server ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
    const [one, other, late] = [connect(url), connect(url), connect(url)]
    const streams = await Promise.all([one, other].flatMap(({ open }) => Array.from({ length: 4 }, () => open())))
    const unread = one.session.request({ ':path': '/s' })
    await once(unread, 'response')

    const begun = performance.now()
    const closing = sse.close({ within: 1_600 })
    await sleep(100)
    const away = await late.open()
    expect(away.status).toBe(200)
    const ends = (await Promise.all(streams.map(({ over }) => over))).map(end => end - begun)
    await closing
    const listening = new Promise<void>(resolve => server.close(() => resolve()))
    expect(await taken(() => listening)).toBeLessThan(SOON)
    expect(performance.now() - begun).toBeLessThan(1_600 + SOON)
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(400)
    const retries = [away, ...streams].map(({ retry }) => retry())
    expect(retries.filter(isSoon)).toHaveLength(9)
    expect(new Set(retries).size).toBeGreaterThan(4)
    expect(sse.stats()).toMatchObject({ refused: { closing: 1 }, ended: { closed: 9 } })
    unread.destroy()
  })
})
