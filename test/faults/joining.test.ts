import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Random } from '../model/random.js'
import { Stage } from './stage.js'

const exact = { problems: [], resets: [], rejected: {} }
let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ servers: 3 })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('nothing is lost and nobody is told of a hole', () => {
  test.each([1, 2, 3])('when events are published while clients join over a slow network (seed %d)', async seed => {
    const random = new Random(seed)
    // About as many channels as clients a server: most of their joins begin a subscription, and most leavings end one.
    const show = await stage.show(120, 40)
    await show.publishing(500, async () => {
      for (let round = 0; round < 10; round++) {
        for (const proxy of stage.proxies) proxy.delay(random.below(80))
        await show.reconnect(0.5, random.below(30))
        await show.progress(40)
      }
    })
    for (const proxy of stage.proxies) proxy.delay(0)
    const { problems, resets, rejected } = await show.end()
    expect({ problems, resets, rejected }).toEqual(exact)
  })

  test('when the first of a channel comes while the last one leaves, every few milliseconds', async () => {
    const show = await stage.show(4, 1)
    await show.publishing(400, async () => {
      for (let round = 0; round < 200; round++) {
        await show.reconnect(0.7, round % 4)
        await show.progress(2)
      }
    })
    const { problems, resets, rejected, transcripts } = await show.end()
    expect({ problems, resets, rejected }).toEqual(exact)
    const connects = transcripts.flatMap(({ records }) => records).filter(({ type }) => type === 'connect')
    expect(connects.length).toBeGreaterThan(400)
  })
})
