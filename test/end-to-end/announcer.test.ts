import { expect, test } from '@jest/globals'
import request from 'supertest'
import { app } from '../../examples/announcer.js'
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
