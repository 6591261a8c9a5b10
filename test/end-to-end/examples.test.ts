import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import { type OpenStreamOptions, openStream, type TestStream } from 'koa-eventfeed/testing'
import { app as announcer } from '../../examples/announcer.js'
import { app as blueprint } from '../../examples/blueprint.js'
import { app as chat } from '../../examples/chat.js'
import { app as clock } from '../../examples/clock.js'
import { app as counter } from '../../examples/counter.js'
import { app as flask } from '../../examples/flask.js'
import { examples } from '../../examples/list.js'
import { app as notifications } from '../../examples/notifications.js'
import { app as price } from '../../examples/price.js'
import { app as progress } from '../../examples/progress.js'
import { app as publish } from '../../examples/publish.js'
import { app as redisChat } from '../../examples/redis-chat.js'
import { app as tokens } from '../../examples/tokens.js'

const opened: TestStream[] = []

async function open(app: Koa, options: OpenStreamOptions): Promise<TestStream> {
  const stream = await openStream(app, options)
  opened.push(stream)
  return stream
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(stream => stream.close()))
})

afterAll(async () => {
  await Promise.all(examples.map(({ sse }) => sse.close()))
})

const data = (events: { data: string }[]) => events.map(event => event.data)

/** The milliseconds between one event and the next. */
async function gap(stream: TestStream): Promise<number> {
  await stream.take(1)
  const start = performance.now()
  await stream.take(1)
  return performance.now() - start
}

describe('every example', () => {
  const ask = { body: { prompt: 'Hello' } }
  test.each<[name: string, app: Koa, options: OpenStreamOptions]>([
    ['clock', clock, { path: '/eventfeed' }],
    ['counter', counter, { path: '/sse' }],
    ['progress', progress, { path: '/progressfeed' }],
    ['tokens', tokens, { path: '/chat', ...ask }],
    ['chat', chat, { path: '/rooms/lobby' }],
    ['announcer', announcer, { path: '/listen' }],
    ['notifications', notifications, { path: '/events' }],
    ['price', price, { path: '/sse' }],
    ['publish', publish, { path: '/sse' }],
    ['flask', flask, { path: '/stream' }],
    ['redis-chat', redisChat, { path: '/stream' }],
    ['blueprint', blueprint, { path: '/sse/news' }],
  ])('%s stands alone and answers with the headers of an event stream', async (_, app, options) => {
    const { status, headers } = await open(app, options)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    expect(headers).not.toHaveProperty('content-length')
    expect(headers).not.toHaveProperty('content-encoding')
  })
})

test.each(examples)(
  '$name is a file to copy: it imports nothing but packages, and what picks its plugin',
  async ({ name }) => {
    const source = await readFile(new URL(`../../examples/${name}.ts`, import.meta.url), 'utf8')
    expect(source.split('\n').length).toBeLessThan(70)
    const imported = [...source.matchAll(/from '(.+)'/g)].map(([, from]) => from)
    expect(imported).toContain('koa-eventfeed')
    expect(imported.filter(from => from?.startsWith('.') && from !== './plugin.js')).toEqual([])
  },
)

describe('counter', () => {
  test('A1: GET /sse counts from 0, one message every two seconds, for each client from its own 0', async () => {
    const first = await open(counter, { path: '/sse' })
    expect(await gap(first)).toBeCloseTo(2_000, -3)
    const second = await open(counter, { path: '/sse' })
    expect(data(await second.take(1))).toEqual(['message counter - 0'])
    expect(data(await first.take(1))).toEqual(['message counter - 2'])
    expect(first.text).toBe(
      [0, 1, 2]
        .map(count => `data: message counter - ${count}\n\n`)
        .join('')
        .replace(/^/, ':\n'),
    )
  })

  test('A2: POST /sse is answered 405 and names the methods that are allowed', async () => {
    const { status, headers } = await open(counter, { path: '/sse', method: 'POST' })
    expect(status).toBe(405)
    expect(headers.allow?.split(', ').sort()).toEqual(['GET', 'HEAD'])
  })

  test('A2: HEAD /sse has the headers of the stream and ends at once', async () => {
    const stream = await open(counter, { path: '/sse', method: 'HEAD' })
    expect(stream.status).toBe(200)
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(await stream.body()).toBe('')
  })
})

describe('clock', () => {
  test('F9: GET /eventfeed tells the local time once a second', async () => {
    const before = Date.now()
    const stream = await open(clock, { path: '/eventfeed' })
    expect(await gap(stream)).toBeCloseTo(1_000, -3)
    const times = data([...stream.events])
    for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    // A time without a zone is read as local time.
    const [first = Number.NaN, second = Number.NaN] = times.map(time => Date.parse(time.replace(' ', 'T')))
    expect(Math.abs(first - before)).toBeLessThan(2_000)
    expect([1_000, 2_000]).toContain(second - first)
  })
})
