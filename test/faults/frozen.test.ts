import { expect, test } from '@jest/globals'
import { Stage } from './stage.js'

test('a Redis that is frozen for longer than every time limit: streams stay open, publishing rejects, and then all is exact', async () => {
  const timeout = 600
  await using stage = await Stage.start({ plugin: { heartbeat: 200, timeout } })
  const show = await stage.show(200, 10)
  await show.publishing(200, async () => {
    await show.progress(100)
    stage.redis.freeze()
    await show.progress(300)
    expect(await show.count()).toBe(200)
    expect(await show.silence()).toBeLessThan(1_500)
    stage.redis.thaw()
    await show.progress(100)
  })
  const { problems, resets, rejected, log, transcripts } = await show.end()
  expect({ problems, resets }).toEqual({ problems: [], resets: [] })
  expect(transcripts.flatMap(({ records }) => records).filter(({ type }) => type === 'lost')).toEqual([])
  expect(Object.keys(rejected)).toContain('ERR_SSE_UNREACHABLE')
  expect(['ERR_SSE_UNREACHABLE', 'ERR_SSE_UNCERTAIN']).toEqual(expect.arrayContaining(Object.keys(rejected)))
  expect(Math.max(...log.map(({ begun, ended }) => ended - begun))).toBeLessThan(timeout + 500)
})
