import { EventEmitter, once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { PubSub, pubSub, SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { deferred, serve, turns } from '../support.js'
import { dataOf, isAnchor, live } from './live.js'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`)

describe('which channel a request reads', () => {
  const cases: [query: string, channel: string][] = [
    ['?channel=users.social', 'users.social'],
    ['', 'sse'],
    ['?channel=', 'sse'],
  ]
  test.each(cases)('B3: /stream%s reads %s and no other', async (query, channel) => {
    await using served = await serve(sse => sse.pubSub('/stream'))
    await using stream = await live(served.server, `/stream${query}`)
    for (const other of ['users.social', 'users', 'sse', 'news']) await served.sse.publish(other, { channel: other })
    await served.sse.publish('last', { channel })
    await stream.take(2)
    expect(dataOf(stream)).toEqual([channel, 'last'])
  })
})

test('C3: a burst of 50 to a client that reads arrives whole and in order', async () => {
  await using served = await serve(sse => sse.pubSub('/listen'))
  await using stream = await live(served.server, '/listen')
  await Promise.all(numbers(50).map(number => served.sse.publish(number)))
  await stream.take(50)
  expect(dataOf(stream)).toEqual(numbers(50))
})

test('C5: when two clients have closed, the channel is left without a publish', async () => {
  await using served = await serve(sse => sse.pubSub('/listen'))
  const left: Promise<unknown>[] = []
  served.server.on('request', (_, res) => left.push(once(res, 'close')))
  const streams = [await live(served.server, '/listen'), await live(served.server, '/listen')]
  expect(served.sse.pubsub.channels).toBe(1)
  const start = performance.now()
  for (const stream of streams) await stream.close()
  await Promise.all(left)
  await turns()
  expect(served.sse.pubsub.channels).toBe(0)
  expect(performance.now() - start).toBeLessThan(1_000)
})

test('F5: two subscribers of a channel each get all 6 events, in order', async () => {
  await using served = await serve(sse => sse.pubSub('/sse/:channel'))
  await using first = await live(served.server, '/sse/news')
  await using second = await live(served.server, '/sse/news')
  for (const number of numbers(6)) await served.sse.publish(number, { channel: 'news' })
  for (const stream of [first, second]) {
    await stream.take(6)
    expect(dataOf(stream)).toEqual(numbers(6))
  }
})

describe('a job that is started by POST and watched on a channel', () => {
  function jobs() {
    const sse = new SseRouter()
    const half = deferred()
    const go = deferred()
    const work = async (channel: string, steps: number) => {
      for (let step = 1; step <= steps; step++) {
        if (step > steps / 2) {
          half.resolve()
          await go.promise
        }
        await sse.publish(`step ${step}`, { channel })
      }
    }
    sse.post('/jobs', async ctx => {
      const { name, steps } = ctx.request.body as { name?: string; steps?: number }
      if (name === undefined || steps === undefined) return ctx.throw(400, 'Send a name and steps')
      const channel = `job.${name}`
      ctx.body = { watch: `/jobs/${channel}?lastEventId=${await sse.pubsub.position(channel)}` }
      void work(channel, steps)
    })
    sse.pubSub('/jobs/:channel')
    const app = new Koa()
    app.use(bodyParser()).use(sse.routes())
    return { app, half: half.promise, go: () => go.resolve() }
  }

  test('F11: a viewer who comes late misses nothing', async () => {
    const { app, half, go } = jobs()
    const { body } = await request(app.callback()).post('/jobs').send({ name: 'report', steps: 6 })
    await half
    await using late = await live(app, body.watch)
    go()
    await late.find(({ data }) => data === 'step 6')
    expect(dataOf(late)).toEqual(numbers(6).map(number => `step ${number}`))
  })

  test('F11: a missing field is answered 400', async () => {
    await request(jobs().app.callback()).post('/jobs').send({ name: 'report' }).expect(400, 'Send a name and steps')
  })
})

describe('a bound emitter', () => {
  function shop() {
    const failures: unknown[] = []
    const pubsub = new PubSub({ onError: error => failures.push(error) })
    const app = new Koa()
    app.use(pubSub(pubsub, { channel: 'shop' }))
    const emitter = new EventEmitter()
    return { app, pubsub, failures, emitter, unbind: pubsub.bind(emitter, ['order', 'refund'], { channel: 'shop' }) }
  }

  test('S1: sends each event that is bound under its own name, until it is unbound', async () => {
    const { app, pubsub, emitter, unbind } = shop()
    await using stream = await live(app, '/')
    emitter.emit('order', { id: 1 })
    emitter.emit('other', { id: 2 })
    emitter.emit('refund', { id: 3 })
    unbind()
    unbind()
    emitter.emit('order', { id: 4 })
    await pubsub.publish('last', { channel: 'shop' })
    await stream.find(({ data }) => data === 'last')
    expect(stream.events.filter(event => !isAnchor(event))).toMatchObject([
      { event: 'order', data: '{"id":1}' },
      { event: 'refund', data: '{"id":3}' },
      { data: 'last' },
    ])
    expect(emitter.eventNames()).toEqual([])
  })

  test('S1: what cannot be sent is reported, and what follows is sent', async () => {
    const { app, failures, emitter } = shop()
    await using stream = await live(app, '/')
    const circle: { self?: unknown } = {}
    circle.self = circle
    emitter.emit('order', circle)
    emitter.emit('order', { id: 2 })
    expect(await stream.take(1)).toMatchObject([{ event: 'order', data: '{"id":2}' }])
    expect(failures).toEqual([expect.any(TypeError)])
  })
})

test('a client whose place has been trimmed away is told so once, with the reason, and goes on from there', async () => {
  const sse = new SseRouter({ plugin: mittPlugin({ history: { count: 3 } }) })
  sse.pubSub('/listen')
  const app = new Koa()
  const left: Promise<unknown>[] = []
  app.use((ctx, next) => {
    left.push(once(ctx.res, 'close'))
    return next()
  })
  app.use(sse.routes())
  await using stream = await live(app, '/listen')
  const from = await sse.publish('seen')
  await stream.take(1)
  await stream.close()
  await Promise.all(left)
  for (const number of numbers(5)) await sse.publish(number)
  const now = await sse.pubsub.position()
  await using again = await openStream(app, { path: '/listen', lastEventId: stream.lastEventId })
  const reset = await again.find(({ event }) => event === 'stream-reset')
  expect(reset.id).toBe(now)
  expect(JSON.parse(reset.data)).toEqual({ channel: 'sse', reason: 'trimmed', from, now })
  await sse.publish('next')
  await again.find(({ data }) => data === 'next')
  await using third = await again.reconnect()
  await sse.publish('last')
  await third.find(({ data }) => data === 'last')
  expect(dataOf(third)).toEqual(['last'])
})
