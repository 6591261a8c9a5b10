import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { performance } from 'node:perf_hooks'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import { app } from '../../examples/gallery.js'
import { examples } from '../../examples/list.js'
import { type Served, serve } from './serve.js'
import { address, killStarted, outcome, start } from './started.js'

const root = new URL('../../', import.meta.url)

describe('the gallery', () => {
  let served: Served
  beforeAll(async () => {
    served = await serve(app)
  })
  afterAll(() => served.close())

  test('the page and all that it refers to is there, with types that a browser accepts', async () => {
    const page = await fetch(served.url)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const links = [...(await page.text()).matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, link = '']) => link)
    const types = await Promise.all(
      links.map(async link => (await fetch(new URL(link, served.url))).headers.get('content-type')),
    )
    expect(links).toEqual(['/icon.svg', '/style.css', '/main.js'])
    expect(types).toEqual(['image/svg+xml', 'text/css; charset=utf-8', 'text/javascript; charset=utf-8'])
  })

  test('no inline script, no style and nothing from elsewhere may run in the page', async () => {
    const policy = (await fetch(served.url)).headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
  })

  test('lists the examples, each with a stream that is there', async () => {
    const response = await fetch(`${served.url}/examples.json`)
    const list = (await response.json()) as { name: string; stream: string; method: string }[]
    expect(list).toHaveLength(examples.length)
    for (const { name, stream, method } of list) {
      const { status, headers } = await fetch(`${served.url}/${name}${stream}`, { method: 'OPTIONS' })
      expect([status, headers.get('allow')]).toEqual([200, expect.stringContaining(method)])
    }
  })

  test.each(examples.map(({ name }) => name))('the source of %s is served as plain text, as it is', async name => {
    const response = await fetch(`${served.url}/source/${name}.ts`)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).toBe(await readFile(new URL(`examples/${name}.ts`, root), 'utf8'))
  })

  test.each([
    '/source/server.ts',
    '/source/../server.ts',
    '/source/..%2fserver.ts',
    '/../../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '//etc/passwd',
    '/source/',
    '/source/toString',
    '/index.html%00.js',
  ])('%s names no file', async path => {
    // fetch would tidy the path up before it sends it.
    const request = get(served.url, { path })
    const [response] = await once(request, 'response')
    response.resume()
    expect(response.statusCode).toBe(404)
  })

  test('E1: 50 open clocks do not delay a plain GET', async () => {
    const paths = ['/blueprint/clock', '/clock/eventfeed'] // of a generator, of a function
    const open = (_: unknown, index: number) => openStream(`${served.url}${paths[index % 2]}`)
    const clocks = await Promise.all(Array.from({ length: 50 }, open))
    await Promise.all(clocks.map(clock => clock.take(2)))
    const start = performance.now()
    expect((await fetch(served.url)).status).toBe(200)
    expect(performance.now() - start).toBeLessThan(500)
    await Promise.all(clocks.map(clock => clock.close()))
  })
})

describe('the gallery started by hand', () => {
  killStarted()

  test('prints one line with an address where the page is', async () => {
    const url = await address(start({}))
    expect(await (await fetch(url)).text()).toContain('<title>koa-eventfeed</title>')
  })

  test('a port that is taken is said in one line, with another way to start', async () => {
    const blocker = createServer()
    await once(blocker.listen(0), 'listening')
    const { port } = blocker.address() as { port: number }
    try {
      expect(await outcome(start({ PORT: `${port}` }))).toEqual({
        code: 1,
        out: '',
        err: `Port ${port} is already taken. Choose another one: PORT=3000 npm start\n`,
      })
    } finally {
      blocker.close()
    }
  })

  test.each(['abc', '-1', '65536', '3000.5', '0x50'])('a PORT of %s is refused in one line', async port => {
    const err = `PORT must be a whole number from 0 to 65535, not "${port}".\n`
    expect(await outcome(start({ PORT: port }))).toEqual({ code: 1, out: '', err })
  })

  test.each([
    ['SIGINT ends the open streams and the process', ['SIGINT']],
    ['SIGTERM twice ends them', ['SIGTERM', 'SIGTERM']],
  ] as const)('%s at once, without a word', async (_, signals) => {
    const child = start({})
    const stream = await openStream(`${await address(child)}/clock/eventfeed`)
    await stream.take(1)
    const begin = performance.now()
    for (const signal of signals) child.kill(signal)
    expect(await outcome(child)).toEqual({ code: 0, out: '', err: '' })
    expect(performance.now() - begin).toBeLessThan(1_000)
    await stream.close()
  })

  test('SIGTERM ends the open streams one after another, while load balancers are told to send nobody here', async () => {
    const child = start({})
    const url = await address(child)
    const streams = await Promise.all(Array.from({ length: 8 }, () => openStream(`${url}/clock/eventfeed`)))
    await Promise.all(streams.map(stream => stream.take(1)))
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    child.kill('SIGTERM')
    const ends = streams.map(async stream => {
      await stream.ended()
      return performance.now()
    })
    await Promise.race(ends)
    const ready = await fetch(`${url}/ready`)
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'unready', reasons: [{ check: 'closing' }] }])
    expect((await fetch(`${url}/live`)).status).toBe(200)
    expect(await outcome(child)).toEqual({ code: 0, out: '', err: '' })
    const times = await Promise.all(ends)
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(400)
    expect(streams.map(({ text }) => text)).toEqual(streams.map(() => expect.stringMatching(/\nretry: \d+\n$/)))
  })
})
