import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Stage } from './stage.js'

const exact = { problems: [], resets: [], rejected: {} }
let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ plugin: { heartbeat: 200, timeout: 2_000 } })
})
afterAll(() => stage[Symbol.asyncDispose]())

const everywhere = () => [stage.proxy, ...stage.proxies]

describe('nothing is lost, nothing rejected and nobody told of a hole', () => {
  test.each(['subscriber', 'commands', undefined] as const)(
    'though connections (%s) are reset again and again',
    async role => {
      const show = await stage.show(100, 10)
      await show.publishing(500, async () => {
        for (let round = 0; round < 8; round++) {
          await show.progress(60)
          for (const proxy of everywhere()) proxy.cut(role)
          await show.reconnect(0.1)
        }
      })
      const { problems, resets, rejected } = await show.end()
      expect({ problems, resets, rejected }).toEqual(exact)
    },
  )

  test.each(['subscriber', 'commands'] as const)('though connections (%s) are half open and stay so', async role => {
    const show = await stage.show(100, 10)
    await show.publishing(300, async () => {
      await show.progress(50)
      for (const proxy of everywhere()) proxy.stall(true, role)
      await show.reconnect(0.3)
      await show.progress(200)
    })
    const { problems, resets, rejected } = await show.end()
    for (const proxy of everywhere()) proxy.stall(false)
    expect({ problems, resets, rejected }).toEqual(exact)
  })

  test('though what was sent over a half-open connection arrives after it was given up', async () => {
    const show = await stage.show(100, 10)
    await show.publishing(300, async () => {
      for (let round = 0; round < 3; round++) {
        await show.progress(50)
        for (const proxy of everywhere()) proxy.stall(true)
        await show.progress(30) // over new connections
        for (const proxy of everywhere()) proxy.stall(false)
      }
    })
    const { problems, resets, rejected } = await show.end()
    expect({ problems, resets, rejected }).toEqual(exact)
  })
})
