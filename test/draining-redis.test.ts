import { describe, expect, test } from '@jest/globals'
import type { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { openStream, type TestStream } from 'koa-eventfeed/testing'
import { closed, counting, numbersOf, openAll, taken } from './draining.js'
import { startRedis } from './redis/server.js'
import { type Served, serve } from './support.js'

/** Two processes' worth of routers, each with its own way to one Redis. */
async function overRedis(url: string, routes: (sse: SseRouter) => void): Promise<[Served, Served]> {
  const one = () => serve(routes, { router: { plugin: redisPlugin({ url, timeout: 500, heartbeat: 300 }) } })
  return [await one(), await one()]
}

describe('over Redis', () => {
  const LEASE = 3_000
  const job = (last: number, begun: (position: number) => void) => (sse: SseRouter) =>
    sse.streamGen(
      '/job',
      request => {
        begun(request.position)
        return counting(request, last, 30)
      },
      { share: true, detached: true, resumable: true, lease: LEASE },
    )

  test('a detached run that is not over in time is handed over: nothing comes twice and nothing is lost', async () => {
    await using redis = await startRedis()
    const begun: { position: number; at: number }[] = []
    const [leaving, staying] = await overRedis(
      redis.url,
      job(60, position => begun.push({ position, at: performance.now() })),
    )
    await using _ = staying
    const watching = await openAll(leaving, 3, '/job')
    const closing = leaving.sse.close({ within: 1_000 })
    const followed = watching.map(async stream => {
      const before = await stream.ended()
      const again = await openStream(staying.url, { path: '/job', lastEventId: stream.lastEventId, timeout: 10_000 })
      return [1, ...numbersOf([...before, ...(await again.ended())])]
    })
    await closing
    const left = performance.now()
    await closed(leaving)
    for (const seen of await Promise.all(followed)) expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
    const [first, second, ...others] = begun
    expect([first?.position, others]).toEqual([0, []])
    expect(second?.position).toBeGreaterThan(3)
    // It has not lapsed: who watches it asks for it three times in a lease.
    expect((second?.at ?? 0) - left).toBeLessThan(LEASE / 2)
    expect([...leaving.errors, ...staying.errors]).toEqual([])
  })

  test('one that nobody watches is gone on with where it is next asked for', async () => {
    await using redis = await startRedis()
    const positions: number[] = []
    const [leaving, staying] = await overRedis(redis.url, sse => {
      job(20, position => positions.push(position))(sse)
      sse.get('/begin', async ctx => {
        await sse.begin(ctx)
        ctx.body = 'begun'
      })
    })
    await using _ = staying
    await (await fetch(`${leaving.url}/begin`, { headers: { Connection: 'close' } })).text()
    await leaving.sse.close({ within: 200 })
    await closed(leaving)
    const stream = await openStream(staying.url, { path: '/job' })
    expect(numbersOf(await stream.ended())).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
    expect(positions).toEqual([0, expect.any(Number)])
    expect(positions[1]).toBeGreaterThan(0)
  })

  test('one that is over in time is run by nobody else, and who comes back elsewhere gets its end', async () => {
    await using redis = await startRedis()
    const positions: number[] = []
    const [leaving, staying] = await overRedis(
      redis.url,
      job(20, position => positions.push(position)),
    )
    await using _ = staying
    const [stream] = (await openAll(leaving, 1, '/job')) as [TestStream]
    const closing = leaving.sse.close({ within: 10_000 })
    await stream.ended()
    const again = await openStream(staying.url, { path: '/job', lastEventId: stream.lastEventId })
    const events = await again.ended()
    expect(numbersOf(events).at(-1)).toBe(20)
    expect(events.at(-1)?.event).toBe('stream-end')
    expect(await taken(() => closing)).toBeLessThan(2_000)
    await closed(leaving)
    expect(positions).toEqual([0])
  })
})
