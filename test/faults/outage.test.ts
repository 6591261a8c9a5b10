import { expect, test } from '@jest/globals'
import type { Child } from './child.js'
import { Stage } from './stage.js'

const timeout = 500
const durable = ['--appendonly', 'yes', '--appendfsync', 'always']

const health = (child: Child) => child.call<{ publishing: boolean; receiving: boolean; code?: string }>('health')

test('Redis is killed under load and comes back: streams stay open, publishing rejects in time, nothing that was taken is lost', async () => {
  await using stage = await Stage.start({ redis: { args: durable }, plugin: { timeout, heartbeat: 300 } })
  const show = await stage.show(300, 50)
  const away = { publishing: false, receiving: false, code: 'ERR_SSE_UNREACHABLE' }
  await show.publishing(300, async () => {
    for (let round = 0; round < 2; round++) {
      await show.progress(200)
      await stage.redis.kill()
      await show.progress(500)
      for (const { child } of stage.servers) expect(await health(child)).toEqual(away)
      expect(await show.count()).toBe(300)
      expect(await show.silence()).toBeLessThan(1_500)
      await stage.redis.start()
    }
    await show.progress(500)
  })
  const { problems, resets, rejected, log, transcripts } = await show.end()
  expect({ problems, resets }).toEqual({ problems: [], resets: [] })
  expect(transcripts.flatMap(({ records }) => records).filter(({ type }) => type === 'lost')).toEqual([])
  expect(['ERR_SSE_UNREACHABLE', 'ERR_SSE_UNCERTAIN']).toEqual(expect.arrayContaining(Object.keys(rejected)))
  expect(rejected.ERR_SSE_UNREACHABLE).toBeGreaterThan(300)
  expect(Math.max(...log.map(({ begun, ended }) => ended - begun))).toBeLessThan(timeout + 500)
  for (const { child } of stage.servers)
    expect(await health(child)).toMatchObject({ publishing: true, receiving: true })
  // For each server, connection and outage, whatever the number of clients and channels.
  expect(stage.errors.map(({ code }) => code)).toEqual(new Array(stage.errors.length).fill('ERR_SSE_UNREACHABLE'))
  expect(stage.errors.length).toBeLessThanOrEqual(stage.servers.length * 2 * 2)
})
