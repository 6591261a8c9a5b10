import { afterEach, describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { type ConnectionStats, type EndReason, SseRouter, type StreamRequest } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { connectRaw, deferred, garbageCollected, get, type Served, serve, turns } from './support.js'

let served: Served | undefined
afterEach(async () => served?.[Symbol.asyncDispose]())

const inMs = (milliseconds: number) => new Date(Date.now() + milliseconds)

/** Resolves with the next streams that end: their ids and why. */
function ends(sse: SseRouter, count: number): Promise<[ConnectionStats, EndReason][]> {
  const over: [ConnectionStats, EndReason][] = []
  return new Promise(resolve => {
    const undo = sse.activity.on('disconnect', ({ connection, reason }) => {
      if (over.push([connection, reason]) < count) return
      undo()
      resolve(over)
    })
  })
}

describe('a date that authorize answers', () => {
  test('ends the stream then, with another time to come back for each client', async () => {
    served = await serve(sse => sse.pubSub('/s', { authorize: () => inMs(300) }))
    const { sse, url } = served
    const over = ends(sse, 5)
    const streams = await Promise.all(Array.from({ length: 5 }, () => openStream(`${url}/s`)))
    await Promise.all(streams.map(stream => stream.ended()))
    const retries = streams.map(({ text }) => Number(/\nretry: (\d+)\n$/.exec(text)?.[1]))
    expect(retries.every(retry => retry >= 500 && retry <= 1_500)).toBe(true)
    expect(new Set(retries).size).toBeGreaterThan(1)
    expect((await over).map(([, reason]) => reason)).toEqual(Array(5).fill('expired'))
    expect(sse.stats()).toMatchObject({ connections: 0, accepted: 5, ended: { expired: 5 } })
  })

  test('costs a native client nothing: it asks again with what it has seen, and gets every event once', async () => {
    let asked = 0
    served = await serve(sse => {
      sse.pubSub('/s', {
        authorize: () => {
          asked += 1
          return inMs(250)
        },
      })
    })
    const { sse, url } = served
    const source = new EventSource(`${url}/s`)
    const seen: number[] = []
    const enough = new Promise<void>(resolve => {
      source.addEventListener('message', ({ data }) => {
        if (seen.push(Number(data)) && asked >= 3) resolve()
      })
    })
    await new Promise(resolve => source.addEventListener('stream-open', resolve, { once: true }))
    let sent = 0
    const publishing = setInterval(() => {
      sent += 1
      void sse.publish(sent)
    }, 10)
    await enough
    clearInterval(publishing)
    source.close()
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => index + 1))
    expect(seen.length).toBeGreaterThan(50)
  })

  test.each([
    ['is past', () => inMs(-1)],
    ['is now', () => new Date()],
  ])('that %s is a refusal', async (_, authorize) => {
    served = await serve(sse => sse.pubSub('/s', { authorize }))
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([403, 'Forbidden'])
    expect(served.sse.stats().refused).toEqual({ unauthorized: 1 })
  })

  test('that is none is an error of the app, and says nothing to the client', async () => {
    served = await serve(sse => sse.streamGen('/s', ['x'], { authorize: () => new Date('tomorrow') }))
    const response = await fetch(`${served.url}/s`)
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
    expect(served.errors.map(({ message }) => message)).toEqual(['authorize returned an invalid date'])
  })

  test('may be years away, and then ends nothing', async () => {
    served = await serve(sse => sse.streamGen('/s', ['x'], { authorize: () => inMs(5_000_000_000), end: false }))
    const stream = await openStream(`${served.url}/s`)
    expect(await stream.ended()).toBeDefined()
    expect(stream.events.map(({ data }) => data)).toEqual(['x'])
    expect(served.sse.stats().ended).toEqual({ ended: 1 })
  })

  test('aborts the source of a generator, and lets its finally run', async () => {
    let finished = ''
    const source = async function* ({ signal }: { signal: AbortSignal }) {
      try {
        yield 'x'
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      } finally {
        finished = 'yes'
      }
    }
    served = await serve(sse => sse.streamGen('/s', source, { authorize: () => inMs(100) }))
    const stream = await openStream(`${served.url}/s`)
    await stream.ended()
    expect([finished, served.errors]).toEqual(['yes', []])
  })
})

describe('maxDuration', () => {
  test('ends each stream by then, and some sooner, so that not all come back at once', async () => {
    served = await serve(sse => sse.pubSub('/s', { maxDuration: 2_000 }))
    const { sse, url } = served
    const over = ends(sse, 40)
    await Promise.all(Array.from({ length: 40 }, () => openStream(`${url}/s`)))
    const lives: number[] = []
    sse.activity.on('disconnect', ({ connection }) => lives.push(Date.now() - connection.opened))
    expect((await over).map(([, reason]) => reason)).toEqual(Array(40).fill('duration'))
    expect(Math.min(...lives)).toBeGreaterThan(1_750)
    expect(Math.max(...lives) - Math.min(...lives)).toBeGreaterThan(50)
  })

  test('gives way to a date that comes first', async () => {
    served = await serve(sse => sse.pubSub('/s', { maxDuration: 60_000, authorize: () => inMs(50) }))
    const over = ends(served.sse, 1)
    await openStream(`${served.url}/s`)
    expect((await over).map(([, reason]) => reason)).toEqual(['expired'])
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %s is refused at registration', maxDuration => {
    expect(() => new SseRouter().pubSub('/s', { maxDuration })).toThrow(RangeError)
  })
})

describe('what becomes of streams is counted and told', () => {
  test('by reason: the client leaves, the source ends or fails, the server closes or disconnects', async () => {
    served = await serve(sse => {
      sse.streamGen('/ends', ['x'])
      sse.streamGen('/fails', async function* () {
        yield 'x'
        await new Promise(resolve => setImmediate(resolve))
        throw new Error('broken')
      })
      sse.pubSub('/s')
    })
    const { sse, url } = served
    const paths = ['/ends', '/fails', '/s', '/s', '/s?one', '/s']
    const streams = []
    for (const path of paths) streams.push(await openStream(`${url}${path}`))
    const [ending, failing, , leaving, , ended] = streams
    await Promise.all([ending?.ended(), failing?.ended()])
    const left = ends(sse, 1)
    await leaving?.close()
    await left
    expect(await sse.disconnect(ctx => ctx.url === '/s?one')).toBe(1)
    const last = [...sse.connections()].at(-1)
    expect(sse.end(last?.id ?? 0)).toBe(true)
    await ended?.ended()
    expect(sse.end(-1)).toBe(false)
    await sse.close()
    const { accepted, ended: reasons, failures, connections } = sse.stats()
    expect(reasons).toEqual({ ended: 1, failed: 1, left: 1, disconnected: 2, closed: 1 })
    expect([accepted, failures, connections]).toEqual([6, 1, 0])
  })

  test('with what was sent, as the client has read it', async () => {
    served = await serve(sse => sse.pubSub('/:channel', { retry: 1_000 }))
    const { sse, url } = served
    const over = ends(sse, 1)
    const stream = await openStream(`${url}/news`)
    await stream.find(({ event }) => event === 'stream-open')
    for (const n of [1, 2, 3]) await sse.publish(`é${n}`, { channel: 'news' })
    await stream.take(3)
    const [open] = [...sse.connections()]
    expect(open).toMatchObject({ path: '/:channel', channels: ['news'], key: undefined, events: 4, held: 0 })
    expect([...sse.channels()]).toMatchObject([{ name: 'news', followers: 1, events: 3, lag: 0 }])
    expect(sse.stats()).toMatchObject({ connections: 1, events: 4, published: 3, channels: 1 })
    await stream.close()
    const [[{ bytes, address, id }]] = (await over) as [[ConnectionStats, EndReason]]
    expect([address, id]).toEqual(['127.0.0.1', open?.id])
    // Chunks have a frame of some bytes each.
    expect(bytes).toBeGreaterThan(Buffer.byteLength(stream.text))
    expect(bytes).toBeLessThan(Buffer.byteLength(stream.text) + 8 * 6)
    expect(sse.stats()).toMatchObject({ connections: 0, events: 4, bytes })
  })

  test('a listener that throws stops nothing, and is reported', async () => {
    served = await serve(sse => sse.streamGen('/s', ['x']))
    const { sse, url, errors } = served
    const seen: string[] = []
    sse.activity.on('connect', () => {
      throw new Error('mine')
    })
    const undo = sse.activity.on('connect', ({ connection }) => seen.push(connection.path))
    expect((await (await openStream(`${url}/s`)).take(1)).map(({ data }) => data)).toEqual(['x'])
    undo()
    undo()
    await openStream(`${url}/s`)
    expect(seen).toEqual(['/s'])
    expect(errors.map(({ message }) => message)).toEqual(['mine', 'mine'])
  })

  test('a name that is not known is refused', () => {
    expect(() => new SseRouter().activity.on('open' as 'connect', () => {})).toThrow(
      /no event 'open': listen for connect/,
    )
  })
})

test('a client that leaves while its stream is prepared is not held until its access ends', async () => {
  const refs: WeakRef<object>[] = []
  const [asked, go] = [deferred(), deferred()]
  await using app = await serve(sse => {
    const source = async ({ ctx }: StreamRequest) => {
      refs.push(new WeakRef(ctx.req))
      asked.resolve()
      await go.promise
      return [1]
    }
    sse.streamGen('/slow', source, { authorize: () => new Date(Date.now() + 3_600_000) })
  })
  const client = await connectRaw(app.port, get('/slow'))
  await asked.promise
  client.socket.destroy()
  await client.end()
  await turns(20)
  go.resolve()
  await turns(20)
  expect(refs).toHaveLength(1)
  await garbageCollected(refs)
})

test('disconnect ends the stream of a request that is being judged by what was true before', async () => {
  const [asked, answer] = [deferred(), deferred()]
  let banned = false
  const authorize = async () => {
    const looked = banned // as a database answers
    asked.resolve()
    await answer.promise
    return !looked
  }
  await using app = await serve(sse => sse.pubSub('/feed', { authorize }), { router: { connectionKey: () => 'ann' } })
  const opening = openStream(app.server, { path: '/feed' })
  await asked.promise
  banned = true
  await app.sse.disconnect({ key: 'ann' })
  await turns(20) // the message of this process to itself has come
  answer.resolve()
  await using stream = await opening
  await stream.ended()
  await using again = await stream.reconnect()
  expect(again.status).toBe(403)
})

test('a client that was let in after it was told when to come back has its usual time again', async () => {
  const dated = { authorize: () => new Date(Date.now() + 60_000) }
  await using app = await serve(sse => {
    sse.streamGen('/dated', ['x'], dated)
    sse.streamGen('/own', ['x'], { ...dated, retry: 20_000 })
    sse.streamGen('/bounded', ['x'], { maxDuration: 60_000 })
    sse.streamGen('/limited', ['x'], { maxConnections: 1 })
    sse.streamGen('/plain', ['x'], { authorize: () => true })
  })
  const begins = async (path: string) => (await (await fetch(`${app.url}${path}`)).text()).split('data')[0]
  const paths = ['/dated', '/own', '/bounded', '/limited', '/plain']
  const times = [':\nretry: 3000\n', ':\nretry: 20000\n', ':\nretry: 3000\n', ':\nretry: 3000\n', ':\n']
  expect(await Promise.all(paths.map(begins))).toEqual(times)
})

test('a stream that is ended while middleware still holds it back is empty but for when to come back', async () => {
  const [arrived, go] = [deferred(), deferred()]
  const hold = async (_ctx: unknown, next: () => Promise<void>) => {
    await next()
    arrived.resolve()
    await go.promise
  }
  const authorize = () => new Date(Date.now() + 50)
  await using app = await serve(sse => sse.pubSub('/s', { authorize }), { before: [hold] })
  const response = fetch(`${app.url}/s`)
  await arrived.promise
  await new Promise(resolve => setTimeout(resolve, 100)) // its date has come
  go.resolve()
  expect([(await response).status, await (await response).text()]).toEqual([
    200,
    expect.stringMatching(/^:\nretry: \d+\n$/),
  ])
})
