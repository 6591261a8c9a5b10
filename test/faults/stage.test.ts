import { expect, test } from '@jest/globals'
import { Stage } from './stage.js'

test('a process that ends by itself is noticed, with what it said', async () => {
  await using stage = await Stage.start({ servers: 1 })
  expect(stage.crashes).toEqual([])
  await stage.end(0, 'SIGTERM')
  expect(stage.crashes).toEqual([])
  await stage.publisher.call('start', null, 100)
  await stage.publisher.exited
  expect(stage.crashes.join()).toMatch(/^crashed: .*TypeError/s)
})
