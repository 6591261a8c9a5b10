import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { afterEach, describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import { type OpenStreamOptions, openStream, type TestStream } from 'koa-eventfeed/testing'
import { app as announcer } from '../../examples/announcer.js'
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
    expect(source.split('\n').length).toBeLessThan(60)
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
    expect(data([...first.events])).toEqual(['message counter - 0', 'message counter - 1', 'message counter - 2'])
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

describe('progress', () => {
  const path = '/progressfeed'
  const runs = async ({ url }: TestStream) => {
    const response = await fetch(new URL('/runs', url))
    return ((await response.json()) as { runs: number }).runs
  }

  test('F10: a viewer who reconnects in mid-run goes on where it was, and the job is not run again', async () => {
    const stream = await open(progress, { path })
    const before = await runs(stream)
    const pause = await gap(stream)
    expect(pause).toBeGreaterThan(400)
    expect(pause).toBeLessThan(900)
    const again = await stream.reconnect()
    opened.push(again)
    expect(await again.take(2)).toEqual([
      { data: '{"progress":15}', id: '3' },
      { data: '{"progress":20}', id: '4' },
    ])
    expect(await runs(again)).toBe(before)
  })

  test('F4, F10: after 100 comes the end, and the reconnect that follows it is answered 204', async () => {
    const stream = await open(progress, { path, lastEventId: '18' })
    expect(await stream.take(2)).toEqual([
      { data: '{"progress":95}', id: '19' },
      { data: '{"progress":100}', id: '20' },
    ])
    expect(await stream.ended()).toMatchObject([{ event: 'stream-end', id: 'stream-end' }])
    const again = await stream.reconnect()
    opened.push(again)
    expect(again.status).toBe(204)
  })

  test('F10: each viewer who comes without an id starts a run of its own', async () => {
    const [first, second] = await Promise.all([open(progress, { path }), open(progress, { path })])
    const before = await runs(first)
    const third = await open(progress, { path })
    expect(data(await first.take(2))).toEqual(data(await second.take(2)))
    expect(data(await third.take(1))).toEqual(['{"progress":5}'])
    expect(await runs(third)).toBe(before + 1)
  })

  test('F10: a viewer who has seen the last step gets the end', async () => {
    const stream = await open(progress, { path, lastEventId: '20' })
    expect((await stream.ended()).map(({ event }) => event)).toEqual(['stream-end'])
  })

  test('F10: an id that is no step starts from the beginning', async () => {
    const ids = ['-5', '1.5', 'x', '1e400', '0']
    const streams = await Promise.all(ids.map(lastEventId => open(progress, { path, lastEventId })))
    const firsts = await Promise.all(streams.map(stream => stream.take(1)))
    expect(firsts.flatMap(data)).toEqual(ids.map(() => '{"progress":5}'))
  })

  test('A2: HEAD does not run the job', async () => {
    const stream = await open(progress, { path })
    await stream.take(1)
    const before = await runs(stream)
    await fetch(new URL(path, stream.url), { method: 'HEAD' })
    expect(await runs(stream)).toBe(before)
  })
})
