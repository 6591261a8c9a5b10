import { once } from 'node:events'
import { describe, expect, jest, test } from '@jest/globals'
import type Koa from 'koa'
import { openStream, type TestEvent } from 'koa-eventfeed/testing'
import request from 'supertest'
import type { RedisServer } from '../redis/server.js'
import { carried, places } from './carried.js'
import { dataOf } from './live.js'

const data = (events: readonly TestEvent[]) => events.map(event => event.data)
const patient = { path: '/sse', timeout: 10_000 }
const priceOf = (price: number) => (event: TestEvent) => event.data === `Current Price - ${price}`

/** Counts how often the price is looked up: in Redis, or in a Map. */
async function countLookups(redis: RedisServer | undefined) {
  let count = 0
  const note = (key: unknown) => {
    if (key === 'current_price') count += 1
  }
  const monitor = await redis?.redis.duplicate().monitor()
  monitor?.on('monitor', (_, [command, key]) => command.toLowerCase() === 'get' && note(key))
  const { get } = Map.prototype
  const spy = jest.spyOn(Map.prototype, 'get').mockImplementation(function (this: Map<unknown, unknown>, key) {
    note(key)
    return get.call(this, key)
  })
  const dispose = () => {
    spy.mockRestore()
    monitor?.disconnect()
  }
  return { count: () => count, [Symbol.dispose]: dispose }
}

describe.each(places)('the price %s', place => {
  const examples = carried(place)
  const set = (app: Koa, body: object) => request(app.callback()).post('/price').send(body)

  test('A3: what is set is an event, and a change of it the next', async () => {
    const app = await examples.app('price')
    await set(app, { price: 100 }).expect(204)
    await using stream = await openStream(app, patient)
    await stream.find(priceOf(100))
    await set(app, { price: 102.5 }).expect(204)
    expect(data(await stream.take(1))).toEqual(['Current Price - 102.5'])
  })

  test('A3: 100 viewers cost one poll loop', async () => {
    const app = await examples.app('price')
    const server = app.listen(0)
    using lookups = await countLookups(place === 'in memory' ? undefined : examples.redis)
    await set(app, { price: 1 })
    const streams = await Promise.all(Array.from({ length: 100 }, () => openStream(server, patient)))
    await Promise.all(streams.map(stream => stream.find(priceOf(1))))
    const begin = performance.now()
    const before = lookups.count()
    for (const price of [2, 3, 4]) {
      await set(app, { price })
      await Promise.all(streams.map(stream => stream.find(priceOf(price))))
    }
    const rounds = Math.ceil((performance.now() - begin) / 2_000)
    expect(lookups.count() - before).toBeLessThanOrEqual(rounds + 1)
    expect(lookups.count() - before).toBeGreaterThanOrEqual(3)
    for (const { events } of streams) {
      const prices = data(events).filter(text => text.startsWith('Current Price'))
      expect(prices.slice(-4)).toEqual([1, 2, 3, 4].map(price => `Current Price - ${price}`))
    }
    for (const stream of streams) await stream.close()
    server.close()
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
        if (command[0].toLowerCase() === 'get' && command[1] === 'current_price') return
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
    expect(dataOf(stream)).toEqual([])
    await redis.set('current_price', '100')
    await stream.find(priceOf(100))
    await redis.set('current_price', '100')
    await key.read()
    await key.read()
    await redis.set('current_price', '102')
    expect(data(await stream.take(1))).toEqual(['Current Price - 102'])
    expect(dataOf(stream)).toEqual(['Current Price - 100', 'Current Price - 102'])
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
    await Promise.all([first, second].map(stream => stream.find(priceOf(7))))
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
