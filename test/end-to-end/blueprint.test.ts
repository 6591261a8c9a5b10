import { performance } from 'node:perf_hooks'
import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import type { SseRouter } from 'koa-eventfeed'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { carried, places } from './carried.js'
import { dataOf, isAnchor, live } from './live.js'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`)
const numbersIn = ({ events }: TestStream) =>
  events.filter(event => !isAnchor(event)).map(({ event, data }) => event ?? data.split(' ')[0])
const isEnd = ({ event }: TestEvent) => event === 'stream-end'

describe.each(places)('the blueprint %s', place => {
  const examples = carried(place)
  const publish = (app: Koa, channel: string, data: string) =>
    request(app.callback()).post(`/sse/${channel}`).set('Content-Type', 'application/json').send(JSON.stringify(data))

  test('E1: a generator tells the time once a second', async () => {
    await using stream = await openStream(await examples.app('blueprint'), { path: '/clock' })
    await stream.take(1)
    const begin = performance.now()
    await stream.take(1)
    expect((performance.now() - begin) / 1_000).toBeCloseTo(1, 0)
    const times = stream.events.map(({ data }) => Date.parse(data.replace(' ', 'T')))
    expect(Math.abs((times[0] ?? 0) - Date.now())).toBeLessThan(4_000)
    expect([1_000, 2_000]).toContain((times[1] ?? 0) - (times[0] ?? 0))
  })

  test('F1: a function with a limit of 3 is three events, then a clean end that the client does not come back from', async () => {
    await using stream = await openStream(await examples.app('blueprint'), { path: '/dice' })
    const events = await stream.ended()
    expect(events.map(({ event, data }) => event ?? data)).toEqual([
      ...Array(3).fill(expect.stringMatching(/^[1-6]$/)),
      'stream-end',
    ])
    await using again = await stream.reconnect()
    expect(again.status).toBe(204)
  })

  test('F5: two subscribers of a channel each get all 6 that are posted, in order, and none of another channel', async () => {
    const app = await examples.app('blueprint')
    await using first = await live(app, '/sse/news')
    await using second = await live(app, '/sse/news')
    await using other = await live(app, '/sse/other')
    for (const number of numbers(6)) await publish(app, 'news', number).expect(200)
    for (const stream of [first, second]) await stream.take(6)
    for (const stream of [first, second]) expect(dataOf(stream)).toEqual(numbers(6))
    expect(dataOf(other)).toEqual([])
  })

  test('F6: a subscription with a limit of 2 delivers exactly 2, then the end', async () => {
    const app = await examples.app('blueprint')
    await using stream = await openStream(app, { path: '/two/limited' })
    let published = 0
    let over = false
    const stop = () => {
      over = true
    }
    stream.find(isEnd).then(stop, stop)
    while (!over) await publish(app, 'limited', `${++published}`).expect(200)
    const [first, second, ...rest] = dataOf(stream)
    expect(Number(second)).toBe(Number(first) + 1)
    expect(rest).toEqual(['{}'])
    await using again = await stream.reconnect()
    expect(again.status).toBe(204)
  })

  test('F7: who publishes does not wait for a client that does not read, and others get all of it', async () => {
    const app = await examples.app('blueprint')
    await using slow = await live(app, '/sse/busy')
    await using quick = await live(app, '/sse/busy')
    slow.pause()
    const { sse } = (await import('../../examples/blueprint.js')) as { sse: SseRouter }
    for (const number of numbers(150)) {
      await sse.publish(`${number} ${'x'.repeat(50_000)}`, { channel: 'busy' })
      await quick.find(({ data }) => data.startsWith(`${number} `))
    }
    expect(numbersIn(quick)).toEqual(numbers(150))
    slow.resume()
    await slow.find(({ event, data }) => event === 'stream-reset' || data.startsWith('150 '))
    const got = numbersIn(slow)
    const lacks = place === 'in memory' && got.at(-1) === 'stream-reset' // Redis has the whole history
    expect(got).toEqual(lacks ? [...numbers(got.length - 1), 'stream-reset'] : numbers(150))
  })

  test('F10: two who watch the progress see the same run', async () => {
    const app = await examples.app('blueprint')
    await using first = await openStream(app, { path: '/progress' })
    await first.take(2)
    await using second = await openStream(app, { path: '/progress' })
    await Promise.all([first, second].map(stream => stream.find(({ data }) => data === '{"progress":15}')))
    expect(dataOf(second)).toEqual(['{"progress":5}', '{"progress":10}', '{"progress":15}'])
    expect(dataOf(first)).toEqual(dataOf(second))
  })

  test('F11: a job is started by POST, and who watches it late misses nothing', async () => {
    const app = await examples.app('blueprint')
    const { body } = await request(app.callback()).post('/jobs').send({ name: 'report' }).expect(202)
    const steps = ['report: fetched', 'report: built', 'report: deployed']
    const watch = async (stream: TestStream) => {
      await stream.find(({ data }) => data === steps[2])
      expect(dataOf(stream)).toEqual(steps)
    }
    await using first = await openStream(app, { path: body.watch })
    await watch(first)
    await using late = await openStream(app, { path: body.watch })
    await watch(late)
  })

  test.each([{}, { name: '' }, { name: 7 }])('F11: a job of %j is answered 400', async body => {
    const words = 'Send JSON with a name: {"name": "report"}'
    await request((await examples.app('blueprint')).callback())
      .post('/jobs')
      .send(body)
      .expect(400, words)
  })

  test.each(['/sse/a%00b', '/two/a%20b', `/sse/${'x'.repeat(51)}`])('there is no channel at %s', async path => {
    await request((await examples.app('blueprint')).callback())
      .get(path)
      .expect(404, 'There is no such channel')
  })
})
