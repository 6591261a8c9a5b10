import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import { openStream, type TestEvent } from 'koa-eventfeed/testing'
import request from 'supertest'
import { carried, places } from './carried.js'

const batches = (events: readonly TestEvent[]) =>
  events.flatMap(({ event, data }) => (event === undefined ? [data] : []))
const upTo = (rows: number) =>
  Array.from(
    { length: Math.ceil(rows / 100) },
    (_, index) => `{"done":${Math.min(rows, index * 100 + 100)},"rows":${rows}}`,
  )
const isEnd = ({ event }: TestEvent) => event === 'stream-end'

describe.each(places)('an export %s', place => {
  const examples = carried(place)

  async function start(rows: number) {
    const app = await examples.app('export')
    const { body, headers } = await request(app.callback()).post('/exports').send({ rows }).expect(202)
    expect(headers.location).toBe(`/exports/${body.id}`)
    return { app, path: headers.location as string }
  }
  const runs = async (app: Koa) => (await request(app.callback()).get('/runs')).body.runs as number

  test('F11: it is started by POST, goes on when nobody watches, and a late viewer misses nothing', async () => {
    const before = await runs(await examples.app('export'))
    const { app, path } = await start(550)
    expect(await runs(app)).toBe(before + 1)
    const first = await openStream(app, { path })
    await first.take(2)
    await first.close()
    await using late = await openStream(app, { path })
    await late.ended()
    await using last = await openStream(app, { path })
    await last.ended()
    for (const { events } of [late, last]) {
      expect(batches(events)).toEqual(upTo(550))
      expect(events.at(-1)).toMatchObject({ event: 'stream-end', data: '{}' })
    }
    expect(await runs(app)).toBe(before + 1)
  })

  test('F11: DELETE cancels it for all who watch, and who comes then sees how far it came', async () => {
    const before = await runs(await examples.app('export'))
    const { app, path } = await start(100_000)
    const streams = await Promise.all([1, 2].map(() => openStream(app, { path })))
    await Promise.all(streams.map(stream => stream.take(2)))
    await request(app.callback()).delete(path).expect(204)
    await request(app.callback()).delete(path).expect(204)
    streams.push(await openStream(app, { path }))
    for (const stream of streams) {
      expect((await stream.find(isEnd)).data).toBe('{"cancelled":true}')
      expect(batches(stream.events)).toEqual(batches(streams[0]?.events ?? []))
      await stream.close()
    }
    expect(await runs(app)).toBe(before + 1)
  })

  test.each([{}, { rows: '7' }, { rows: 0 }, { rows: 1.5 }, { rows: 100_001 }, []])(
    'F11: a body of %j is answered 400',
    async body => {
      const app = await examples.app('export')
      const words = 'Send JSON with rows, a whole number from 1 to 100000: {"rows": 2000}'
      await request(app.callback()).post('/exports').send(body).expect(400, words)
    },
  )

  test('one that is not there is answered 404, and runs nothing', async () => {
    const app = await examples.app('export')
    const before = await runs(app)
    await request(app.callback()).get('/exports/other').expect(404, 'There is no such export')
    await request(app.callback()).delete('/exports/other').expect(404, 'There is no such export')
    expect(await runs(app)).toBe(before)
  })
})
