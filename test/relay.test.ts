import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { type ChannelOptions, type Message, PubSub, type Relay } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import { memoryRelay } from './plugins/relay.js'
import { type Served, serve, turns } from './support.js'

const isOpen = (event: TestEvent) => event.event === 'stream-open'
const isReset = (event: TestEvent) => event.event === 'stream-reset'
const dataOf = (events: readonly TestEvent[]) => events.map(event => event.data)
const holeOf = (channel: string, from: string | null = null) => ({ channel, reason: 'absent', from, now: null })

/** A relay that can lose something. */
function lossyRelay() {
  const inner = memoryRelay()
  const lost = new Set<() => void>()
  let isDeaf = false
  const relay: Relay = {
    ...inner,
    async subscribe(channel, deliver, onLost) {
      lost.add(onLost)
      const leave = await inner.subscribe(channel, message => isDeaf || deliver(message), onLost)
      return () => {
        lost.delete(onLost)
        return leave()
      }
    },
  }
  /** Delivers nothing to anybody while something is done, and tells that. */
  const losing = async (meanwhile: () => Promise<unknown>) => {
    isDeaf = true
    await meanwhile()
    isDeaf = false
    for (const tell of [...lost]) tell()
  }
  return { relay, losing, lost }
}

const serveRelay = (options: ChannelOptions = {}, plugin: Relay = memoryRelay(), maxLog = 1_048_576) =>
  serve(sse => sse.pubSub('/s', options), { router: { plugin, maxLog } })

async function opened(served: Served, path = '/s', options = {}): Promise<TestStream> {
  const stream = await openStream(served.server, { path, ...options })
  await stream.find(isOpen)
  return stream
}

describe('a stream over a relay', () => {
  test('has no ids, not in its anchor either', async () => {
    await using served = await serveRelay()
    const stream = await openStream(served.server, { path: '/s' })
    const [anchor] = await stream.take(1)
    expect(await served.sse.publish('a')).toBe('')
    expect(await served.sse.publish({ b: 1 }, { event: 'x' })).toBe('')
    expect([anchor, ...(await stream.take(2))]).toEqual([
      { event: 'stream-open', data: '{"channels":["sse"]}' },
      { data: 'a' },
      { event: 'x', data: '{"b":1}' },
    ])
    expect(stream.text).not.toMatch(/^id/m)
    expect(await served.sse.pubsub.position()).toBe('')
    await stream.close()
  })

  test('carries the ids and the retry that its publishers set', async () => {
    await using served = await serveRelay()
    const stream = await opened(served)
    expect(await served.sse.publish('a', { id: 'own-1', retry: 5_000 })).toBe('own-1')
    await served.sse.publish('b')
    expect(await stream.take(2)).toEqual([{ id: 'own-1', data: 'a' }, { data: 'b' }])
    expect(stream.retry).toBe(5_000)
    await stream.close()
  })

  test('is told once that something was lost, as is every other of its channel, and goes on', async () => {
    const { relay, losing } = lossyRelay()
    await using served = await serveRelay({}, relay)
    const streams = await Promise.all([1, 2, 3].map(() => opened(served)))
    await served.sse.publish('before')
    for (const stream of streams) await stream.take(1)
    await losing(() => served.sse.publish('lost'))
    await streams[0]?.find(isReset)
    await served.sse.publish('after')
    for (const stream of streams) {
      await stream.find(event => event.data === 'after')
      const events = stream.events.filter(event => !isOpen(event))
      expect(events).toEqual([
        { data: 'before' },
        { event: 'stream-reset', data: expect.any(String) },
        { data: 'after' },
      ])
      expect(events[1]?.json()).toEqual(holeOf('sse'))
      await stream.close()
    }
    expect(served.errors).toEqual([])
  })

  test('is told of each loss, of one that follows another too', async () => {
    const { relay, losing } = lossyRelay()
    await using served = await serveRelay({}, relay)
    const stream = await opened(served)
    for (const round of ['1', '2']) {
      await losing(() => served.sse.publish('lost'))
      await stream.find(isReset)
      await served.sse.publish(round)
      await stream.find(event => event.data === round)
    }
    expect(dataOf(stream.events.filter(event => !event.event))).toEqual(['1', '2'])
    await stream.close()
  })

  test('that is opened while something is lost is told of nothing', async () => {
    const { relay, lost } = lossyRelay()
    const subscribe: Relay['subscribe'] = async (channel, deliver, onLost) => {
      const leave = await relay.subscribe(channel, deliver, onLost)
      for (const tell of lost) tell()
      return leave
    }
    await using served = await serveRelay({}, { ...relay, subscribe })
    const stream = await opened(served)
    await served.sse.publish('on')
    await stream.find(event => event.data === 'on')
    expect(stream.events.filter(isReset)).toEqual([])
    await stream.close()
  })

  test('gets nothing that cannot be sent, and it is reported', async () => {
    const relay = memoryRelay()
    await using served = await serveRelay({}, relay)
    const stream = await opened(served)
    await relay.publish('sse', { data: 'a', event: 'b\nc' } as Message)
    await served.sse.publish('on')
    expect(await stream.take(1)).toEqual([{ data: 'on' }])
    expect(served.errors).toMatchObject([{ code: 'ERR_SSE_MESSAGE' }])
    expect(served.sse.pubsub.rejected).toBe(1)
    await stream.close()
  })

  test('subscribes again for the first client after the last has left', async () => {
    const { relay, lost } = lossyRelay()
    await using served = await serveRelay({}, relay)
    for (const data of ['1', '2']) {
      const stream = await opened(served)
      await served.sse.publish(data)
      expect(dataOf(await stream.take(1))).toEqual([data])
      await stream.close()
      while (lost.size > 0) await turns()
    }
  })
})

describe('a client that comes to a relay with a last event ID', () => {
  const elsewhere = async () => {
    const other = new PubSub({ plugin: mittPlugin() })
    const id = await other.publish('x')
    await other.close()
    return id
  }

  test.each(['own-1', 'nonsense', '7'])('is told that what it missed is not there: %s', async lastEventId => {
    await using served = await serveRelay()
    const witness = await opened(served)
    await served.sse.publish('before', { id: 'own-1' })
    const stream = await openStream(served.server, { path: '/s', lastEventId })
    expect((await stream.find(isReset)).json()).toEqual(holeOf('sse'))
    await stream.find(isOpen)
    await served.sse.publish('on')
    expect(await stream.take(1)).toEqual([{ data: 'on' }])
    expect(stream.events.filter(isReset)).toHaveLength(1)
    await Promise.all([stream.close(), witness.close()])
  })

  test('is told so of a position of another plugin, too', async () => {
    await using served = await serveRelay()
    const lastEventId = await elsewhere()
    const stream = await openStream(served.server, { path: '/s', lastEventId })
    expect((await stream.find(isReset)).json()).toEqual(holeOf('sse', lastEventId))
    await served.sse.publish('on')
    await stream.find(event => event.data === 'on')
    expect(stream.events.filter(isReset)).toHaveLength(1)
    await stream.close()
  })
})

describe('several channels of a relay on one stream', () => {
  const path = '/s?channel=a&channel=b'

  test('tell their channel, and have no ids', async () => {
    await using served = await serveRelay({ channelIn: 'data' })
    const stream = await opened(served, path)
    await served.sse.publish('1', { channel: 'a' })
    await stream.take(1)
    await served.sse.publish('2', { channel: 'b', id: 'own' })
    await stream.take(1)
    expect(stream.events).toEqual([
      { event: 'stream-open', data: '{"channels":["a","b"]}' },
      { data: '{"channel":"a","data":"1"}' },
      { id: 'own', data: '{"channel":"b","data":"2"}' },
    ])
    await stream.close()
  })

  test('tell a loss once each, and go on', async () => {
    const { relay, losing } = lossyRelay()
    await using served = await serveRelay({ channelIn: 'event' }, relay)
    const stream = await opened(served, path)
    await losing(() => served.sse.publish('lost', { channel: 'a' }))
    const resets = [await stream.find(isReset), await stream.find(isReset)]
    expect(resets.map(event => event.json())).toEqual([holeOf('a'), holeOf('b')])
    await served.sse.publish('on', { channel: 'b' })
    expect(await stream.take(1)).toEqual([{ event: 'b:message', data: 'on' }])
    expect(stream.text).not.toMatch(/^id/m)
    await stream.close()
  })

  test.each(['own', 'own~other'])('tell of a hole each to who comes with the ID %s', async lastEventId => {
    await using served = await serveRelay()
    const stream = await openStream(served.server, { path, lastEventId })
    const resets = [await stream.find(isReset), await stream.find(isReset)]
    expect(resets.map(event => event.json<{ channel: string }>().channel).sort()).toEqual(['a', 'b'])
    await served.sse.publish('on', { channel: 'b' })
    await stream.find(event => event.data === 'on')
    expect(stream.events.filter(isReset)).toHaveLength(2)
    expect(stream.text).not.toMatch(/^id/m)
    await stream.close()
  })
})

describe('a client of a relay that does not read', () => {
  const maxLog = 100_000

  /** A client that reads no more, after far more than the log holds was published. Resolves to how much that was. */
  async function outrun(served: Served): Promise<[TestStream, number]> {
    const connection = once(served.server, 'connection')
    const stream = await opened(served)
    const [socket] = (await connection) as [Socket]
    stream.pause()
    let count = 0
    for (let more = 50; more > 0; ) {
      await served.sse.publish(`${count++} ${'x'.repeat(10_000)}`)
      await turns()
      if (socket.writableLength > 0) more -= 1
    }
    await turns(10)
    return [stream, count]
  }

  const numbersOf = (events: readonly TestEvent[]) => events.filter(e => !e.event).map(e => Number.parseInt(e.data, 10))

  test('is told of what the log no longer holds, and goes on', async () => {
    await using served = await serveRelay({}, memoryRelay(), maxLog)
    const [stream, count] = await outrun(served)
    stream.resume()
    expect((await stream.find(isReset)).json()).toEqual(holeOf('sse'))
    const got = numbersOf(stream.events)
    expect(got).toEqual(got.map((_, n) => n))
    expect(got.length).toBeLessThan(count)
    await served.sse.publish('on')
    expect(await stream.find(event => event.data === 'on')).toEqual({ data: 'on' })
    await stream.close()
  })

  test('gets only the newest event if the mount says latest', async () => {
    await using served = await serveRelay({ whenBehind: 'latest' }, memoryRelay(), maxLog)
    const [stream, count] = await outrun(served)
    stream.resume()
    await stream.find(event => event.data.startsWith(`${count - 1} `))
    expect(stream.events.filter(isReset)).toEqual([])
    expect(numbersOf(stream.events).length).toBeLessThan(count - 40)
    await stream.close()
  })

  test('is closed if the mount says so, and reads what comes when it is back', async () => {
    await using served = await serveRelay({ whenBehind: 'close' }, memoryRelay(), maxLog)
    const [stream] = await outrun(served)
    stream.resume()
    await stream.ended().catch(() => {})
    const again = await stream.reconnect()
    await again.find(isOpen)
    await served.sse.publish('on')
    expect(await again.take(1)).toEqual([{ data: 'on' }])
    await again.close()
  })
})

describe('a subscription over a relay', () => {
  test('has events with an empty id, or the publisher’s', async () => {
    const pubsub = new PubSub({ plugin: memoryRelay() })
    const events = pubsub.subscribe('news', { limit: 2 })
    await events.ready
    await pubsub.publish('a', { channel: 'news' })
    await pubsub.publish('b', { channel: 'news', id: 'own' })
    const got = []
    for await (const event of events) got.push(event)
    expect(got).toMatchObject([
      { data: 'a', id: '' },
      { data: 'b', id: 'own' },
    ])
    await pubsub.close()
  })

  test('is told of a loss as an event', async () => {
    const { relay, losing } = lossyRelay()
    const pubsub = new PubSub({ plugin: relay })
    const events = pubsub.subscribe('news')
    await events.ready
    await losing(() => pubsub.publish('lost', { channel: 'news' }))
    const { value } = await events.next()
    expect(value).toMatchObject({ event: 'stream-reset', id: '', data: JSON.stringify(holeOf('news')) })
    await pubsub.close()
  })
})

test('a PubSub tells of a relay what the relay tells', async () => {
  const error = new Error('away')
  const failures: unknown[] = []
  let fail: (failure: unknown) => void = () => {}
  const relay: Relay = {
    ...memoryRelay(),
    ready: () => Promise.reject(error),
    health: () => ({ publishing: true, receiving: false, error }),
    watch: failed => {
      fail = failed
    },
  }
  const pubsub = new PubSub({ plugin: relay, onError: failure => failures.push(failure) })
  await expect(pubsub.ready()).rejects.toBe(error)
  expect(pubsub.health()).toEqual({ publishing: true, receiving: false, error })
  fail(error)
  expect(failures).toEqual([error])
  const plain = new PubSub({ plugin: memoryRelay() })
  await plain.ready()
  expect(plain.health()).toEqual({ publishing: true, receiving: true })
  await Promise.all([pubsub.close(), plain.close()])
})
