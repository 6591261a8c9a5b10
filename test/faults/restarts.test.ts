import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Stage } from './stage.js'

const exact = { problems: [], resets: [], rejected: {} }
const servers = [0, 1, 2]
let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ servers: servers.length })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('nothing is lost and nobody is told of a hole', () => {
  test('when clients move between processes of which one lags', async () => {
    const show = await stage.show(200, 5)
    const { proxy } = stage.server(0)
    proxy.onMessage = () => 400
    await show.publishing(400, async () => {
      for (let round = 0; round < 6; round++) {
        await show.progress(80)
        await show.reconnect(0.5)
      }
    })
    const { problems, resets, rejected } = await show.end()
    proxy.onMessage = undefined
    expect({ problems, resets, rejected }).toEqual(exact)
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'when one process after another is ended by %s and started again',
    async signal => {
      const show = await stage.show(200, 5)
      await show.publishing(400, async () => {
        for (const index of servers) {
          await show.progress(50)
          await stage.end(index, signal)
          await show.progress(50)
          await stage.restart(index)
          await show.opened()
        }
      })
      const { problems, resets, rejected } = await show.end()
      expect({ problems, resets, rejected }).toEqual(exact)
    },
  )
})
