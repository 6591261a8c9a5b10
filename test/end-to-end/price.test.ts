import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import { openStream, type TestEvent } from 'koa-eventfeed/testing'
import request from 'supertest'
import { carried, places } from './carried.js'

const data = (events: readonly TestEvent[]) => events.map(event => event.data)
const patient = { path: '/sse', timeout: 10_000 }

describe.each(places)('the price %s', place => {
  const examples = carried(place)
  const set = (app: Koa, body: object) => request(app.callback()).post('/price').send(body)

  test('A3: what is set is an event, and a change of it the next', async () => {
    const app = await examples.app('price')
    await set(app, { price: 100 }).expect(204)
    await using stream = await openStream(app, patient)
    expect(data(await stream.take(1))).toEqual(['Current Price - 100'])
    await set(app, { price: 102.5 }).expect(204)
    expect(data(await stream.take(1))).toEqual(['Current Price - 102.5'])
  })

  test.each([{}, { price: '100' }, { price: null }])('a price of %j is answered 400', async body => {
    const { status, text } = await set(await examples.app('price'), body)
    expect([status, text]).toEqual([400, 'Send JSON with a price: {"price": 101}'])
  })
})

describe('the key current_price', () => {
  const examples = carried('over Redis')

  /** Resolves when the key has been read once more. */
  async function watchReads() {
    const monitor = await examples.redis.redis.duplicate().monitor()
    const read = async () => {
      for (;;) {
        const [, command] = await once(monitor, 'monitor')
        if (command[0].toLowerCase() === 'get') return
      }
    }
    return { read, [Symbol.dispose]: () => monitor.disconnect() }
  }

  test('A3: missing is silence, a value one event, the same again silence, another one event', async () => {
    const app = await examples.app('price')
    const { redis } = examples.redis
    await redis.del('current_price')
    using key = await watchReads()
    const read = key.read()
    await using stream = await openStream(app, patient)
    expect(stream.status).toBe(200)
    await read
    await key.read()
    expect(stream.text).not.toContain('data:')
    await redis.set('current_price', '100')
    expect(data(await stream.take(1))).toEqual(['Current Price - 100'])
    await redis.set('current_price', '100')
    await key.read()
    await key.read()
    await redis.set('current_price', '102')
    expect(data(await stream.take(1))).toEqual(['Current Price - 102'])
    expect(data(stream.events)).toEqual(['Current Price - 100', 'Current Price - 102'])
  })

  test.each<[what: string, spoil: [command: string, ...args: string[]], fault: string]>([
    ['no number', ['SET', 'current_price', 'abc'], 'current_price is no number: abc'],
    ['gone', ['DEL', 'current_price'], 'current_price is gone'],
  ])('A4: that is %s is reported once, and the stream stays open', async (_, [command, ...args], fault) => {
    const app = await examples.app('price')
    const { redis } = examples.redis
    const errors: string[] = []
    const note = (error: Error) => errors.push(error.message)
    app.on('error', note)
    await redis.set('current_price', '7')
    await using first = await openStream(app, patient)
    await using second = await openStream(app, patient)
    await Promise.all([first.take(1), second.take(1)])
    using key = await watchReads()
    const reported = once(app, 'error')
    await redis.call(command, ...args)
    await reported
    for (let reads = 0; reads < 3; reads++) await key.read()
    await redis.set('current_price', '8')
    for (const stream of [first, second]) expect(data(await stream.take(1))).toEqual(['Current Price - 8'])
    expect(errors).toEqual([fault])
    app.off('error', note)
  })
})
