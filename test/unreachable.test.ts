import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { type Plugin, SseError } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import { deferred, type Served, serve, turns } from './support.js'

const isOpen = (event: TestEvent) => event.event === 'stream-open'
const dataOf = (events: readonly TestEvent[]) => events.filter(event => !event.event).map(event => event.data)
const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n))

/** A plugin that cannot be reached while it is told to be away; what is published gets there nevertheless, from elsewhere. */
function awayPlugin() {
  const mitt = mittPlugin()
  const state = { isAway: false, refusals: 0, error: new SseError('ERR_SSE_UNREACHABLE', 'It is away') as Error }
  const lost: (() => void)[] = []
  const reached = <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args) => {
      if (!state.isAway) return call(...args)
      state.refusals += 1
      throw state.error
    }
  }
  const plugin: Plugin = {
    ...mitt,
    subscribe: reached((channel, deliver, onLost) => {
      lost.push(onLost)
      return mitt.subscribe(channel, entry => state.isAway || deliver(entry), onLost)
    }),
    read: reached(mitt.read),
    find: reached(async (channel, id) => mitt.find?.(channel, id)),
  }
  return { plugin, state, lost }
}

async function opened(served: Served): Promise<TestStream> {
  const stream = await openStream(served.server, { path: '/s' })
  await stream.find(isOpen)
  return stream
}

const serveAway = (plugin: Plugin) => serve(sse => sse.pubSub('/s', { keepAlive: 50 }), { router: { plugin } })

describe('while the plugin cannot be reached', () => {
  test('a stream is opened, kept alive, and joins when it can be reached again', async () => {
    const { plugin, state } = awayPlugin()
    await using served = await serveAway(plugin)
    state.isAway = true
    const stream = await openStream(served.server, { path: '/s' })
    expect(stream.status).toBe(200)
    while (state.refusals === 0) await turns()
    state.isAway = false
    await stream.find(isOpen)
    expect(stream.text.split('stream-open')[0]).toMatch(/^(:\n+){4}/)
    await served.sse.publish('on')
    expect(dataOf(await stream.take(1))).toEqual(['on'])
    expect(served.errors).toEqual([])
    await stream.close()
  })

  test.each([
    ['its position', undefined],
    ['the id that its publisher gave', 'own'],
  ])('a client that comes back by %s is kept, and then gets exactly what it missed', async (_, id) => {
    const { plugin, state } = awayPlugin()
    await using served = await serveAway(plugin)
    const stream = await opened(served)
    await served.sse.publish('seen', { id })
    await stream.take(1)
    await stream.close()
    while (served.sse.pubsub.channels > 0) await turns()
    for (const data of numbers(5)) await served.sse.publish(data)
    state.isAway = true
    const again = await openStream(served.server, { path: '/s', lastEventId: stream.lastEventId })
    while (state.refusals === 0) await turns()
    for (const data of ['5', '6']) await served.sse.publish(data)
    state.isAway = false
    await again.find(isOpen)
    await served.sse.publish('7')
    await again.find(event => event.data === '7')
    expect(dataOf(again.events)).toEqual(numbers(8))
    expect(again.events.filter(event => event.event === 'stream-reset')).toEqual([])
    expect(served.errors).toEqual([])
    await again.close()
  })

  test('a client whose history cannot be read waits beside one that has all, who goes on', async () => {
    const { plugin, state } = awayPlugin()
    let isHistoryAway = false
    const read: Plugin['read'] = async (channel, after, limit) => {
      if (!isHistoryAway) return plugin.read(channel, after, limit)
      state.refusals += 1
      throw state.error
    }
    await using served = await serve(sse => sse.pubSub('/s'), { router: { plugin: { ...plugin, read }, maxLog: 500 } })
    const witness = await opened(served)
    const ids: string[] = []
    for (const data of numbers(50)) ids.push(await served.sse.publish(data))
    isHistoryAway = true
    const late = await openStream(served.server, { path: '/s', lastEventId: ids[0] ?? '' })
    while (state.refusals === 0) await turns()
    await served.sse.publish('50')
    await witness.find(event => event.data === '50')
    expect(dataOf(late.events)).toEqual([])
    isHistoryAway = false
    await late.find(event => event.data === '50')
    expect(dataOf(late.events)).toEqual(numbers(51).slice(1))
    expect(served.errors).toEqual([])
    await Promise.all([witness.close(), late.close()])
  })

  test('what an open stream misses is made up for, without another publish', async () => {
    const { plugin, state, lost } = awayPlugin()
    await using served = await serveAway(plugin)
    const stream = await opened(served)
    state.isAway = true
    for (const data of numbers(3)) await served.sse.publish(data)
    for (const tell of lost) tell()
    while (state.refusals === 0) await turns()
    state.isAway = false
    expect(dataOf(await stream.take(3))).toEqual(numbers(3))
    expect(served.errors).toEqual([])
    await stream.close()
  })

  test('a client that leaves leaves no follower', async () => {
    const { plugin, state } = awayPlugin()
    await using served = await serveAway(plugin)
    state.isAway = true
    const stream = await openStream(served.server, { path: '/s' })
    while (state.refusals === 0) await turns()
    await stream.close()
    while (served.sse.pubsub.channels > 0) await turns()
    expect(served.errors).toEqual([])
  })

  test('another error ends a stream, and is reported', async () => {
    const { plugin, state } = awayPlugin()
    await using served = await serveAway(plugin)
    state.isAway = true
    state.error = new Error('broken for good')
    const reported = once(served.app, 'error')
    const stream = await openStream(served.server, { path: '/s' })
    expect(await stream.ended()).toEqual([])
    await reported
    expect(served.errors.map(error => error.message)).toEqual(['broken for good'])
    await stream.close()
  })
})

describe('a storm of 100 clients that come back at once', () => {
  const COUNT = 60

  /** Serves history that waits to be told before it is read; what was asked of it, and the ids of its events. */
  async function gated() {
    const mitt = mittPlugin()
    const gate = deferred()
    const asked = { reads: 0, finds: 0 }
    const plugin: Plugin = {
      ...mitt,
      async read(channel, after, limit) {
        if (!after) return mitt.read(channel, after, limit)
        asked.reads += 1
        await gate.promise
        return mitt.read(channel, after, limit)
      },
      async find(channel, id) {
        asked.finds += 1
        await gate.promise
        return mitt.find?.(channel, id)
      },
    }
    const served = await serve(sse => sse.pubSub('/s'), { router: { plugin, maxLog: 500 } })
    const witness = await opened(served) // who keeps the channel, and its log
    const ids: string[] = []
    for (let n = 0; n < COUNT; n++) ids.push(await served.sse.publish(n, n % 2 ? { id: `own-${n}` } : {}))
    return { served, witness, asked, gate, ids }
  }

  test.each([
    ['one read for all that have the same position', (_: number) => 0, 1, 0],
    ['one read for each of ten positions', (n: number) => (n % 10) * 2, 10, 0],
    ['one search and one read for all that have the same id of a publisher', (_: number) => 1, 1, 1],
  ])('costs %s', async (_, placeOf, reads, finds) => {
    const { served, witness, asked, gate, ids } = await gated()
    const places = Array.from({ length: 100 }, (_, n) => placeOf(n))
    const open = (place: number) => openStream(served.server, { path: '/s', lastEventId: ids[place] ?? '' })
    const streams = await Promise.all(places.map(open))
    await turns(50)
    gate.resolve()
    for (const [n, stream] of streams.entries()) {
      await stream.find(event => event.data === String(COUNT - 1))
      expect(dataOf(stream.events)).toEqual(numbers(COUNT).slice((places[n] ?? 0) + 1))
    }
    expect(asked).toEqual({ reads, finds })
    await Promise.all([witness, ...streams].map(stream => stream.close()))
    await served[Symbol.asyncDispose]()
  })
})
