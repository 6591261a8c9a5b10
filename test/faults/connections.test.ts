import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { until } from '../redis/until.js'
import { Stage } from './stage.js'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ servers: 1 })
})
afterAll(() => stage[Symbol.asyncDispose]())

test.each([
  [1, 1],
  [300, 1],
  [300, 200],
])('%d clients on %d channels take two connections with Redis', async (clients, channels) => {
  const show = await stage.show(clients, channels)
  await show.publishing(200, () => show.progress(100))
  expect(stage.proxies.map(({ connections }) => connections)).toEqual([2])
  const { problems } = await show.end()
  expect(problems).toEqual([])
})

test('a channel is unsubscribed within a second after its last client has left', async () => {
  const { redis } = stage.redis
  const followed = async () => ((await redis.pubsub('CHANNELS', 'eventfeed:*')) as string[]).length
  const show = await stage.show(100, 50)
  expect(await followed()).toBe(50)
  await show.end()
  const left = performance.now()
  await until(async () => (await followed()) === 0)
  expect(performance.now() - left).toBeLessThan(1_000)
  expect(await stage.server(0).child.call('channels')).toBe(0)
})
