import { expect, test } from '@jest/globals'
import request from 'supertest'
import { app, sse } from '../../examples/announcer.js'
import { until } from '../redis/until.js'
import { dataOf, live } from './live.js'

const ask = request(app.callback())

test('C1: GET / greets', async () => {
  const { status, text } = await ask.get('/')
  expect([status, text]).toEqual([200, 'Hello, World!'])
})

test('C1: GET /ping is answered 200 {} when nobody listens', async () => {
  const { status, body } = await ask.get('/ping')
  expect([status, body]).toEqual([200, {}])
})

test('C1: each listener gets each pong exactly once, and none from before it came', async () => {
  await using first = await live(app, '/listen')
  await ask.get('/ping')
  await using second = await live(app, '/listen')
  await ask.get('/ping')
  await ask.get('/ping')
  await first.take(3)
  await second.take(2)
  expect(dataOf(first)).toEqual(['pong', 'pong', 'pong'])
  expect(dataOf(second)).toEqual(['pong', 'pong'])
  expect(first.text).toContain('\ndata: pong\n\n')
  const ids = first.events.map(({ id }) => id)
  expect(second.events.slice(-2).map(({ id }) => id)).toEqual(ids.slice(-2))
})

test('A2: HEAD counts no listener', async () => {
  const { status, headers, text } = await ask.head('/listen')
  expect([status, headers['content-type'], text]).toEqual([200, 'text/event-stream; charset=utf-8', undefined])
  expect(sse.pubsub.channels).toBe(0)
})

test('C3: a burst of 50 pings reaches each listener whole', async () => {
  await using first = await live(app, '/listen')
  await using second = await live(app, '/listen')
  await Promise.all(Array.from({ length: 50 }, () => ask.get('/ping')))
  await ask.get('/ping')
  for (const stream of [first, second]) {
    await stream.take(51)
    expect(dataOf(stream)).toEqual(Array(51).fill('pong'))
    expect(new Set(stream.events.map(({ id }) => id)).size).toBe(52)
  }
})

test('C5: when two listeners have left nobody is counted within a second, with no ping', async () => {
  const streams = [await live(app, '/listen'), await live(app, '/listen')]
  expect(sse.pubsub.channels).toBe(1)
  const begin = performance.now()
  for (const stream of streams) await stream.close()
  await until(async () => sse.pubsub.channels === 0)
  expect(performance.now() - begin).toBeLessThan(1_000)
})
