import { expect, test } from '@jest/globals'
import request from 'supertest'
import { app } from '../../examples/notifications.js'
import { live } from './live.js'

test('S1: what the shop emits reaches every client under its own name', async () => {
  await using first = await live(app, '/events')
  await using second = await live(app, '/events')
  const { status, body } = await request(app.callback()).post('/orders')
  expect([status, body]).toEqual([201, { id: expect.any(Number) }])
  const events = await first.take(2)
  expect(events).toMatchObject([
    { event: 'order', data: JSON.stringify(body) },
    { event: 'shipped', data: JSON.stringify(body) },
  ])
  expect(await second.take(2)).toEqual(events)
})
