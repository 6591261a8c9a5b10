import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { closed, isSoon, openAll, taken } from './draining.js'
import { connectRaw, deferred, get, serve } from './support.js'

describe('close({ within })', () => {
  test('ends the open streams one after another over the time, each told another moment to come back', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const streams = await openAll(served, 20, '/s')
    const begun = performance.now()
    const ends = Promise.all(streams.map(stream => stream.ended().then(() => performance.now() - begun)))
    const closing = served.sse.close({ within: 3_000 })
    await sleep(1_000)
    await served.sse.publish('meanwhile')
    const times = await ends
    await closing
    expect(performance.now() - begun).toBeLessThan(3_000)
    // Over all of the time but its last second: some in each quarter, and in order.
    const quarters = [0, 1, 2, 3].map(quarter => times.filter(time => Math.min(Math.floor(time / 500), 3) === quarter))
    expect(Math.min(...quarters.map(({ length }) => length))).toBeGreaterThanOrEqual(2)
    expect(Math.max(...quarters.map(({ length }) => length))).toBeLessThanOrEqual(9)
    expect(times[0]).toBeLessThan(500)
    expect(times.at(-1)).toBeGreaterThan(1_500)
    const retries = streams.map(({ retry }) => retry)
    expect(retries.filter(isSoon)).toHaveLength(20)
    expect(new Set(retries).size).toBeGreaterThan(10)
    const informed = streams.filter(({ text }) => text.includes('data: meanwhile\n\n')).length
    expect(informed).toBeGreaterThan(3)
    expect(informed).toBeLessThan(17)
    expect(served.sse.stats().ended).toEqual({ closed: 20 })
    await closed(served)
    expect(served.errors).toEqual([])
  })

  test('sends away who asks for a stream meanwhile, and lets go of the connection', async () => {
    await using served = await serve(sse => {
      sse.pubSub('/s')
      sse.streamGen('/post', ['x'], { methods: ['GET', 'POST'], overload: 429 })
    })
    const streams = await openAll(served, 2, '/s')
    const closing = served.sse.close({ within: 60_000 })
    const ask = async (path: string, method?: string) => {
      await using client = await connectRaw(served.port, get(path, {}, '1.1', method))
      return await client.end()
    }
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('/s')))
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
      expect(answer).toMatch(/\r\nContent-Type: text\/event-stream/)
      expect(answer).toMatch(/\r\n\r\n:\nretry: \d+\n$/)
    }
    const retries = answers.map(answer => Number(/retry: (\d+)/.exec(answer)?.[1]))
    expect(retries.filter(isSoon)).toHaveLength(8)
    expect(new Set(retries).size).toBeGreaterThan(4)
    for (const method of ['GET', 'POST']) {
      expect(await ask('/post', method)).toMatch(/^HTTP\/1.1 429 [\s\S]*\r\nRetry-After: [12]\r\n/)
    }
    expect(served.sse.stats().refused).toEqual({ closing: 10 })
    await served.sse.close()
    await closing
    await closed(served)
    for (const stream of streams) await stream.close()
    expect(served.errors).toEqual([])
  })

  test('called again without a time ends at once what is left', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const streams = await openAll(served, 5, '/s')
    const first = served.sse.close({ within: 60_000 })
    await streams[0]?.ended()
    const time = taken(async () => {
      await served.sse.close()
      await first
      await Promise.all(streams.map(stream => stream.ended()))
      await closed(served)
    })
    expect(await time).toBeLessThan(1_000)
    expect(streams.map(({ retry }) => retry).filter(isSoon)).toHaveLength(5)
  })

  test('is over as soon as all clients have left', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const streams = await openAll(served, 5, '/s')
    const closing = served.sse.close({ within: 60_000 })
    const time = taken(async () => {
      for (const stream of streams) await stream.close()
      await closing
      await closed(served)
    })
    expect(await time).toBeLessThan(1_000)
    expect(served.sse.stats().ended).toEqual({ closed: 1, left: 4 })
  })

  test('cuts a client that does not read, which holds up nobody', async () => {
    const full = deferred()
    await using served = await serve(sse => {
      sse.pubSub('/s')
      sse.streamGen('/flood', async function* () {
        for (const timer = setTimeout(full.resolve, 100); ; timer.refresh()) yield 'x'.repeat(100_000)
      })
    })
    await using slow = await connectRaw(served.port, get('/flood'))
    slow.socket.pause()
    await full.promise
    const streams = await openAll(served, 3, '/s')
    const time = taken(async () => {
      await served.sse.close({ within: 2_000 })
      await closed(served)
    })
    expect(await time).toBeLessThan(2_000)
    for (const stream of streams) {
      await stream.ended()
      expect(isSoon(stream.retry)).toBe(true)
    }
    expect(served.sse.stats().ended).toEqual({ closed: 4 })
    expect(served.errors).toEqual([])
  })

  test.each([
    [-1, 'RangeError', 'within must be a positive number'],
    [Number.NaN, 'RangeError', 'within must be a positive number'],
    [Number.POSITIVE_INFINITY, 'RangeError', 'within must be a positive number'],
    ['1', 'TypeError', 'within must be a number, not string'],
    [null, 'TypeError', 'within must be a number, not null'],
  ])('takes no %p, and has closed nothing then', async (within, name, message) => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const options = { within } as { within: number }
    await expect(served.sse.close(options)).rejects.toMatchObject({ name, message: expect.stringContaining(message) })
    expect(served.sse.closing).toBe(false)
    const [stream] = await openAll(served, 1, '/s')
    await stream?.close()
  })
})
