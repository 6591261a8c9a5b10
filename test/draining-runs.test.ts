import { describe, expect, test } from '@jest/globals'
import { closed, counting, isNumber, isSoon, numbersOf, openAll, taken } from './draining.js'
import { serve } from './support.js'

describe('while it closes over a time,', () => {
  test('a detached run goes on to its end, who watches it gets that, and then the process can go', async () => {
    await using served = await serve(sse => {
      sse.pubSub('/s')
      sse.streamGen('/job', request => counting(request, 20), { share: true, detached: true })
    })
    const watching = await openAll(served, 3, '/job')
    const others = await openAll(served, 3, '/s')
    const begun = performance.now()
    const closing = served.sse.close({ within: 10_000 })
    const seen = await Promise.all(watching.map(stream => stream.ended()))
    for (const events of seen) {
      expect(numbersOf(events)).toEqual(Array.from({ length: 19 }, (_, n) => n + 2))
      expect(events.at(-1)?.event).toBe('stream-end')
    }
    expect(performance.now() - begun).toBeLessThan(4_000)
    await served.sse.close()
    await closing
    await closed(served)
    for (const stream of others) await stream.close()
  })

  test('a detached run that nobody watches goes on to its end, and no other can be begun', async () => {
    let isOver = false
    async function* job(request: { signal: AbortSignal }) {
      yield* counting(request, 10)
      isOver = true
    }
    await using served = await serve(sse => {
      sse.streamGen('/job', job, { share: ({ query }) => String(query.of), detached: true })
      sse.get('/begin/:key', async ctx => {
        await sse.begin(ctx, ctx.params.key)
        ctx.body = 'begun'
      })
    })
    const begin = (key: string) => fetch(`${served.url}/begin/${key}`, { headers: { Connection: 'close' } })
    expect(await (await begin('one')).text()).toBe('begun')
    const closing = served.sse.close({ within: 10_000 })
    const refused = await begin('two')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(served.sse.stats().runs).toMatchObject([{ key: 'one', holder: true }])
    expect(await taken(() => closing)).toBeLessThan(4_000)
    expect(isOver).toBe(true)
  })

  test('a detached run that takes longer is stopped at the end of the time, and who watches it comes back', async () => {
    let signal: AbortSignal | undefined
    await using served = await serve(sse =>
      sse.streamGen(
        '/job',
        request => {
          signal = request.signal
          return counting(request, 1_000)
        },
        { share: true, detached: true },
      ),
    )
    const watching = await openAll(served, 2, '/job')
    const time = await taken(() => served.sse.close({ within: 1_500 }))
    expect(time).toBeGreaterThan(400)
    expect(time).toBeLessThan(1_900)
    expect(signal?.aborted).toBe(true)
    for (const stream of watching) {
      const events = await stream.ended()
      expect(events.every(isNumber)).toBe(true)
      expect(events.length).toBeGreaterThan(4)
      expect(isSoon(stream.retry)).toBe(true)
    }
    await closed(served)
    expect(served.errors).toEqual([])
  })

  test('a shared source that is not detached goes on as long as somebody watches it', async () => {
    await using served = await serve(sse => sse.streamGen('/s', request => counting(request, 1_000), { share: true }))
    const watching = await openAll(served, 4, '/s')
    const closing = served.sse.close({ within: 2_000 })
    const counts = await Promise.all(watching.map(async stream => (await stream.ended()).length))
    await closing
    // A quarter of a second, and five values, apart.
    for (const [n, count] of counts.entries()) if (n > 0) expect(count).toBeGreaterThan((counts[n - 1] as number) + 1)
    await closed(served)
  })
})
