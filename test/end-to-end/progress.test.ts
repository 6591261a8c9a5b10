import { performance } from 'node:perf_hooks'
import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import { openStream, type TestEvent } from 'koa-eventfeed/testing'
import request from 'supertest'
import { carried, places } from './carried.js'

const percents = (events: readonly TestEvent[]) =>
  events.flatMap(({ event, data }) => (event === undefined ? [JSON.parse(data).progress as number] : []))
const steps = Array.from({ length: 20 }, (_, index) => index * 5 + 5)
const at = (percent: number) => (event: TestEvent) => event.data === `{"progress":${percent}}`

describe.each(places)('the progress %s', place => {
  const examples = carried(place)
  const runs = async (app: Koa) => (await request(app.callback()).get('/runs')).body.runs as number
  const open = (app: Koa, job: string, lastEventId?: string) => {
    const id = lastEventId === undefined ? {} : { lastEventId }
    return openStream(app, { path: `/progressfeed?job=${job}`, timeout: 20_000, ...id })
  }

  test('F10: it is told every half second up to 100, then the end; who reconnects, comes late or reloads sees one job, which runs once', async () => {
    const app = await examples.app('progress')
    const before = await runs(app)
    await using first = await open(app, 'one')
    const second = await open(app, 'one')
    await first.find(at(5))
    const begin = performance.now()
    await second.find(at(15))
    await using again = await second.reconnect()
    await using late = await open(app, 'one')
    expect(percents(await late.take(3))).toEqual([5, 10, 15])
    const ends = await Promise.all([first, again, late].map(stream => stream.ended()))
    expect((performance.now() - begin) / 1_000).toBeCloseTo(9.5, -1)
    expect(ends.map(events => events.at(-1))).toEqual(
      Array(3).fill({ event: 'stream-end', id: 'stream-end', data: '{}' }),
    )
    expect(percents(first.events)).toEqual(steps)
    expect([...percents(second.events), ...percents(again.events)]).toEqual(steps)
    expect(percents(late.events)).toEqual(steps)
    expect(first.events.slice(-21)).toEqual(late.events)
    expect(await runs(app)).toBe(before + 1)
    await using over = await first.reconnect()
    expect(over.status).toBe(204)
  }, 30_000)

  test('F10: two jobs do not disturb each other', async () => {
    const app = await examples.app('progress')
    const before = await runs(app)
    await using first = await open(app, 'mine')
    await first.find(at(10))
    await using second = await open(app, 'yours')
    await Promise.all([first.find(at(25)), second.find(at(15))])
    expect(percents(first.events)).toEqual(steps.slice(0, 5))
    expect(percents(second.events)).toEqual(steps.slice(0, 3))
    expect(await runs(app)).toBe(before + 2)
  })

  test('A2: HEAD does not run the job', async () => {
    const app = await examples.app('progress')
    const before = await runs(app)
    await request(app.callback()).head('/progressfeed').expect(200)
    expect(await runs(app)).toBe(before)
  })

  test('a viewer of a job that is gone is told so, and sees the new one', async () => {
    await using stream = await open(await examples.app('progress'), 'new', 'abcdefgh.7.abcdefgh')
    expect(await stream.take(2)).toMatchObject([{ event: 'stream-reset' }, { data: '{"progress":5}' }])
  })
})
