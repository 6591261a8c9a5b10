import { expect, test } from '@jest/globals'
import { readsOf } from './reads.js'
import { Stage } from './stage.js'

test('clients that do not read for a while get from history what the servers no longer hold, whatever the connections do', async () => {
  await using stage = await Stage.start({ limits: { maxLog: 500_000 } })
  const show = await stage.show(6, 1)
  await show.pause(0.5)
  await show.publishing(
    150,
    async () => {
      for (let round = 0; round < 5; round++) {
        await show.progress(50)
        for (const proxy of stage.proxies) proxy.cut('subscriber')
      }
    },
    40_000,
  )
  using reads = await readsOf(stage.redis.redis)
  await show.resume()
  const { problems, resets, rejected } = await show.end()
  expect({ problems, resets, rejected }).toEqual({ problems: [], resets: [], rejected: {} })
  expect(reads.from.length).toBeGreaterThan(0)
})
