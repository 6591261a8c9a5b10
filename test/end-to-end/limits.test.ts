import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream } from 'koa-eventfeed/testing'
import { isAnchor } from './live.js'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`)

test('F7: a channel that nobody follows keeps nothing but its history', async () => {
  const sse = new SseRouter({ plugin: mittPlugin({ history: { count: 3 } }) })
  sse.pubSub('/sse')
  const app = new Koa()
  app.use(sse.routes())
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const lastEventIds: string[] = []
  collect()
  const before = process.memoryUsage().heapUsed
  for (const number of numbers(1_000))
    lastEventIds.push(await sse.publish(`${number} ${randomBytes(50_000).toString('hex')}`))
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000) // of 100 million
  expect(sse.pubsub.channels).toBe(0)
  await using late = await openStream(app, { path: '/sse', lastEventId: lastEventIds.at(-4) ?? '' })
  await late.find(({ data }) => data.startsWith('1000 '))
  const got = late.events.filter(event => !isAnchor(event)).map(({ data }) => data.split(' ')[0])
  expect(got).toEqual(['998', '999', '1000'])
  await sse.close()
})

describe('streamFunc(func, limit)', () => {
  const routers: SseRouter[] = []
  const router = () => {
    const sse = new SseRouter()
    routers.push(sse)
    return sse
  }
  afterAll(() => Promise.all(routers.map(sse => sse.close())))

  test('F1: a limit of 0 is no event, but the end', async () => {
    const sse = router()
    sse.streamFunc('/none', () => 'never', { limit: 0 })
    await using stream = await openStream(new Koa().use(sse.routes()), { path: '/none' })
    expect((await stream.ended()).map(({ event }) => event)).toEqual(['stream-end'])
  })

  test.each([{ limit: -1 }, {}])('F1: with %j it goes on and on', async options => {
    const sse = router()
    sse.streamFunc('/endless', () => 'again', { interval: 1, ...options })
    await using stream = await openStream(new Koa().use(sse.routes()), { path: '/endless' })
    expect((await stream.take(50)).map(({ data }) => data)).toEqual(Array(50).fill('again'))
  })

  test.each([-2, 1.5, Number.NaN])('F1: a limit of %s is a RangeError at registration', limit => {
    expect(() => router().streamFunc('/refused', () => 1, { limit })).toThrow(
      expect.objectContaining({ name: 'RangeError' }),
    )
  })
})
