import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Random } from '../model/random.js'
import type { Verdict } from '../redis/proxy.js'
import { Stage } from './stage.js'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ servers: 3, plugin: { verify: 300 } })
})
afterAll(() => stage[Symbol.asyncDispose]())

function judgeMessages(judge: () => Verdict): () => void {
  for (const proxy of stage.proxies) proxy.onMessage = judge
  return () => {
    for (const proxy of stage.proxies) proxy.onMessage = undefined
  }
}

describe('nothing is lost, doubled or disordered, and nobody is told of a hole, where of the messages', () => {
  const random = new Random(4)
  const faults: [string, () => Verdict][] = [
    ['some are dropped', () => (random.chance(0.1) ? 'drop' : 'pass')],
    ['some are doubled', () => (random.chance(0.2) ? 'double' : 'pass')],
    ['some are overtaken', () => (random.chance(0.1) ? random.between(1, 100) : 'pass')],
    ['some are dropped, some doubled and some overtaken', () => random.pick(['pass', 'pass', 'drop', 'double', 30])],
  ]

  test.each(faults)('%s', async (_, judge) => {
    const show = await stage.show(150, 5)
    const restore = judgeMessages(judge)
    await show.publishing(600, async () => {
      for (let round = 0; round < 3; round++) {
        await show.progress(200)
        await show.reconnect(0.2)
      }
    })
    restore()
    const { problems, resets, rejected, log, deliveries } = await show.end()
    expect({ problems, resets, rejected }).toEqual({ problems: [], resets: [], rejected: {} })
    expect(deliveries).toBeGreaterThan(log.length * 20)
  })
})

test('the last messages before a silence, if they are dropped, are found by the check of silent channels', async () => {
  const show = await stage.show(60, 3)
  const restore = judgeMessages(() => 'drop')
  const { problems, resets, deliveries } = await show.end()
  restore()
  expect({ problems, resets, deliveries }).toEqual({ problems: [], resets: [], deliveries: 60 })
})
