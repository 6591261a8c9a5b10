import { EventEmitter } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import request from 'supertest'
import { carried, places } from './carried.js'
import { dataOf, live } from './live.js'

describe.each(places)('the shop %s', place => {
  const examples = carried(place)

  test('S1: what it emits reaches every client under its own name', async () => {
    const app = await examples.app('notifications')
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

  test('S1: a handler that throws stops neither the clients nor what comes after, and unbinding stops it', async () => {
    const app = await examples.app('notifications')
    const { shop, unbind } = (await import('../../examples/notifications.js')) as {
      shop: EventEmitter
      unbind: () => void
    }
    await using stream = await live(app, '/events')
    const broken = () => {
      throw new Error('a handler that throws')
    }
    shop.on('shipped', broken)
    expect(() => shop.emit('shipped', { id: 1 })).toThrow('a handler that throws')
    shop.off('shipped', broken)
    shop.emit('shipped', { id: 2 })
    await stream.take(2)
    expect(dataOf(stream)).toEqual(['{"id":1}', '{"id":2}'])
    unbind()
    expect(shop.listenerCount('shipped')).toBe(0)
    expect(shop.listenerCount('order')).toBe(1) // that of the warehouse
  })

  test('S1: what one binding cannot send does not stop another', async () => {
    const app = await examples.app('notifications')
    const { sse } = (await import('../../examples/notifications.js')) as { sse: import('koa-eventfeed').SseRouter }
    const errors: Error[] = []
    app.on('error', error => errors.push(error))
    const emitter = new EventEmitter()
    const undo = [
      sse.pubsub.bind(emitter, ['sold'], { channel: 'elsewhere' }),
      sse.pubsub.bind(emitter, ['sold'], { channel: 'shop' }),
    ]
    await using stream = await live(app, '/events')
    emitter.emit('sold', 1n)
    emitter.emit('sold', { id: 3 })
    expect(await stream.take(1)).toMatchObject([{ event: 'sold', data: '{"id":3}' }])
    expect(errors.map(({ name }) => name)).toEqual(['TypeError', 'TypeError'])
    for (const unbind of undo) unbind()
  })
})
