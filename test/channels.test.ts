import { EventEmitter, once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { type ChannelOptions, type Plugin, PubSub, pubSub, SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { openStream, type TestStream } from 'koa-eventfeed/testing'
import { connectRaw, deferred, get, serve, turns, unchunk } from './support.js'

const isOpen = (event: { event?: string }) => event.event === 'stream-open'
const dataOf = (events: { data: string }[]) => events.map(event => event.data)

/** A stream that has been opened, its anchor taken. */
async function opened(target: Parameters<typeof openStream>[0], path: string, options = {}): Promise<TestStream> {
  const stream = await openStream(target, { path, ...options })
  await stream.find(isOpen)
  return stream
}

describe('a channel stream', () => {
  test('opens with an anchor, then carries every event with its position as id', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const stream = await openStream(served.server, { path: '/s' })
    const [anchor] = await stream.take(1)
    const ids = [await served.sse.publish('a'), await served.sse.publish({ b: 1 }, { event: 'x' })]
    const events = await stream.take(2)
    expect(anchor).toMatchObject({
      event: 'stream-open',
      data: '{"channels":["sse"]}',
      id: expect.stringMatching(/\.0\./),
    })
    expect(events).toMatchObject([
      { data: 'a', id: ids[0] },
      { data: '{"b":1}', event: 'x', id: ids[1] },
    ])
    await stream.close()
  })

  test('has no anchor when the mount says so', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { anchor: false }).pubSub('/t'))
    const [plain, other] = await Promise.all([openStream(served.server, { path: '/s' }), opened(served.server, '/t')])
    await served.sse.publish('a')
    expect((await plain.take(1))[0]?.data).toBe('a')
    await Promise.all([plain.close(), other.close()])
  })

  test('F5: two subscribers of a channel both get all of 6 publishes, in order', async () => {
    await using served = await serve(sse => sse.pubSub('/sse/:channel'))
    const streams = await Promise.all([1, 2].map(() => opened(served.server, '/sse/news')))
    for (let n = 0; n < 6; n++) await served.sse.publish(n, { channel: 'news' })
    for (const stream of streams) {
      expect(dataOf(await stream.take(6))).toEqual(['0', '1', '2', '3', '4', '5'])
      await stream.close()
    }
  })

  test('C3: a burst of 50 in one turn reaches a client that reads in one write', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { anchor: false }))
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/:\n\r\n/)
    while (served.sse.pubsub.channels === 0) await turns()
    await turns(5)
    const chunks: number[] = []
    client.socket.on('data', chunk => chunks.push(chunk.length))
    for (let n = 0; n < 50; n++) void served.sse.publish(n)
    const text = await client.until(/data: 49\n/)
    expect([...text.matchAll(/^data: (\d+)$/gm)].map(match => Number(match[1]))).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    )
    expect(chunks).toHaveLength(1)
  })

  test('C5: leaves no follower when its client leaves, without a publish', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const streams = await Promise.all([1, 2].map(() => opened(served.server, '/s')))
    expect(served.sse.pubsub.channels).toBe(1)
    await Promise.all(streams.map(stream => stream.close()))
    while (served.sse.pubsub.channels > 0) await turns()
    expect(served.errors).toEqual([])
  })

  test('is framed exactly, whatever the characters and the lengths', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { anchor: false }))
    const texts = ['ä', '€', '🎈', 'x'.repeat(70_000), '', 'y'.repeat(3_000), 'end']
    await using client = await connectRaw(served.port, get('/s', { Connection: 'close' }))
    await client.until(/:\n\r\n/)
    while (served.sse.pubsub.channels === 0) await turns()
    await turns(5)
    const ids = await Promise.all(texts.map(text => served.sse.publish(text)))
    await client.until(/data: end/)
    await served.sse.close()
    const expected = texts.map((text, n) => `id: ${ids[n]}\ndata: ${text}\n\n`).join('')
    expect(unchunk(await client.end()).replace(/retry: \d+\n$/, '')).toBe(`:\n${expected}`)
  })

  test('is the same over HTTP/2', async () => {
    const sse = new SseRouter()
    sse.pubSub('/s')
    const server = http2.createServer(new Koa().use(sse.routes()).callback()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const stream = client.request({ ':path': '/s' }).setEncoding('utf8')
    let text = ''
    stream.on('data', chunk => {
      text += chunk
    })
    while (!text.includes('stream-open')) await once(stream, 'data')
    const ids = await Promise.all(['a', 'b'].map(data => sse.publish(data)))
    while (!text.endsWith('data: b\n\n')) await once(stream, 'data')
    expect(text).toContain(`id: ${ids[0]}\ndata: a\n\nid: ${ids[1]}\ndata: b\n\n`)
    await sse.close()
    client.close()
    await new Promise<void>(resolve => server.close(() => resolve()))
  })
})

describe('a client that reconnects', () => {
  test('gets exactly what it missed, once and in order, then what comes', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const stream = await opened(served.server, '/s')
    await served.sse.publish('before')
    await stream.take(1)
    const reconnecting = stream.reconnect()
    for (let n = 0; n < 100; n++) await served.sse.publish(n)
    const again = await reconnecting
    await served.sse.publish('after')
    const events = (await again.take(102)).filter(event => !isOpen(event))
    expect(dataOf(events)).toEqual([...Array.from({ length: 100 }, (_, n) => String(n)), 'after'])
    await again.close()
  })

  test('resumes from its anchor, if it was cut before its first event', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const stream = await opened(served.server, '/s')
    const reconnecting = stream.reconnect()
    await served.sse.publish('missed')
    const again = await reconnecting
    expect((await again.find(event => !isOpen(event))).data).toBe('missed')
    await again.close()
  })

  test('resumes by ?lastEventId= too, from the position that a page was rendered with', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const position = await served.sse.pubsub.position()
    await served.sse.publish('since')
    const stream = await openStream(served.server, { path: `/s?lastEventId=${position}` })
    expect((await stream.find(event => !isOpen(event))).data).toBe('since')
    await stream.close()
  })

  test('is told of a hole, and not again at its next reconnect', async () => {
    const sse = new SseRouter({ plugin: mittPlugin({ history: { count: 2 } }) })
    const app = new Koa().use(sse.pubSub('/s').routes())
    const stream = await opened(app, '/s')
    await sse.publish('seen')
    await stream.take(1)
    const reconnecting = stream.reconnect()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push(await sse.publish(n))
    const again = await reconnecting
    const reset = await again.find(event => event.event === 'stream-reset')
    expect(JSON.parse(reset.data)).toEqual({ channel: 'sse', reason: 'trimmed', from: stream.lastEventId, now: ids[4] })
    expect(reset.id).toBe(ids[4])
    const third = await again.reconnect()
    await sse.publish('next')
    expect((await third.find(event => !isOpen(event))).data).toBe('next')
    await third.close()
  })

  test.each(['nonsense', 'x'.repeat(8_000), 'a.1.bbbbbbbb', 'ünïcode', '~~~', 'stream-end', '-1', '\u{1f388}'])(
    'with the id %s gets a 200, a hole and then events',
    async lastEventId => {
      await using served = await serve(sse => sse.pubSub('/s'))
      const stream = await openStream(served.server, { path: '/s', lastEventId })
      expect(stream.status).toBe(200)
      expect(await stream.find(event => event.event === 'stream-reset')).toBeDefined()
      await served.sse.publish('on')
      expect((await stream.find(event => !isOpen(event))).data).toBe('on')
      await stream.close()
    },
  )
})

describe('which channels a request reads', () => {
  const names = async (options: ChannelOptions, path: string, route = '/s') => {
    await using served = await serve(sse => sse.pubSub(route, options))
    const stream = await openStream(served.server, { path })
    const text =
      stream.status === 200
        ? JSON.parse((await stream.take(1))[0]?.data ?? '').channels
        : [stream.status, await stream.body()]
    await stream.close()
    return text
  }

  test.each<[string, ChannelOptions, string, string, string[]]>([
    ["the route's", {}, '/s/news?channel=other', '/s/:channel', ['news']],
    ["B3: the query's", {}, '/s?channel=users.social', '/s', ['users.social']],
    ["several of the query's", {}, '/s?channel=b&channel=a&channel=b', '/s', ['a', 'b']],
    ['B3: sse, where the query names none', {}, '/s?channel=', '/s', ['sse']],
    ["the mount's", { channel: 'fixed' }, '/s?channel=other', '/s', ['fixed']],
    ["the mount's list", { channel: ['b', 'a'] }, '/s', '/s', ['a', 'b']],
    ["the mount's function", { channel: ctx => `user-${ctx.query.id}` }, '/s?id=7', '/s', ['user-7']],
    ['names of any script', {}, `/s?channel=${encodeURIComponent('ünï 🎈')}`, '/s', ['ünï 🎈']],
  ])('%s', async (_name, options, path, route, channels) => {
    expect(await names(options, path, route)).toEqual(channels)
  })

  test.each([
    ['control characters', '/s?channel=a%00b', 'control characters'],
    ['control characters in the path', '/s/a%0ab', 'control characters'],
    ['257 characters', `/s?channel=${'x'.repeat(257)}`, '256 characters at most'],
    [
      '33 channels',
      `/s?${Array.from({ length: 33 }, (_, n) => `channel=${n}`).join('&')}`,
      '32 channels at most, not 33',
    ],
  ])('a name with %s is a 400 that says what is allowed', async (_name, path, message) => {
    const [status, text] = await names({}, path, path.startsWith('/s/') ? '/s/:channel' : '/s')
    expect(status).toBe(400)
    expect(text).toContain(message)
  })

  test.each<[string, ChannelOptions]>([
    ['a name that is not allowed', { channel: 'a\nb' }],
    ['an unknown whenBehind', { whenBehind: 'drop' as never }],
    ['an unknown channelIn', { channelIn: 'id' as never }],
    ['an authorize that is no function', { authorize: true as never }],
    ['an unknown option', { channels: ['a'] } as ChannelOptions],
  ])('refuses %s at registration', (_name, options) => {
    expect(() => pubSub(new PubSub(), options)).toThrow(TypeError)
  })
})

describe('authorize', () => {
  const ownOnly: ChannelOptions = { authorize: (ctx, channels) => channels.every(name => name === ctx.get('X-User')) }

  test.each([
    ['/s?channel=ann', 200],
    ['/s?channel=secret', 403],
    ['/s?channel=ann&channel=secret', 403],
    ['/s', 403],
  ])('B7: is asked for every channel before any header: %s → %i', async (path, status) => {
    await using served = await serve(sse => sse.pubSub('/s', ownOnly))
    const stream = await openStream(served.server, { path, headers: { 'X-User': 'ann' } })
    expect(stream.status).toBe(status)
    if (status === 403) expect(stream.headers['content-type']).toContain('text/plain')
    await stream.close()
    expect(served.errors).toEqual([])
  })

  test('is asked for the channels that are then read, whatever a function of channels answers the next time', async () => {
    let calls = 0
    await using served = await serve(sse =>
      sse.pubSub('/s', {
        channel: () => (calls++ === 0 ? 'public' : 'secret'),
        authorize: async (_ctx, channels) => !channels.includes('secret'),
      }),
    )
    const stream = await openStream(served.server, { path: '/s' })
    expect((await stream.take(1))[0]?.data).toBe('{"channels":["public"]}')
    await stream.close()
  })

  test('is asked again at every reconnect, and disconnect() ends the streams of who lost access', async () => {
    const allowed = new Set(['ann', 'bob'])
    await using served = await serve(sse => sse.pubSub('/s', { authorize: ctx => allowed.has(ctx.get('X-User')) }))
    const [ann, bob] = await Promise.all(
      ['ann', 'bob'].map(user => opened(served.server, '/s', { headers: { 'X-User': user } })),
    )
    allowed.delete('bob')
    expect(await served.sse.disconnect(ctx => ctx.get('X-User') === 'bob')).toBe(1)
    expect(await bob?.ended()).toEqual([])
    const again = await bob?.reconnect()
    expect(again?.status).toBe(403)
    await served.sse.publish('for ann')
    expect((await ann?.take(1))?.[0]?.data).toBe('for ann')
    await Promise.all([ann?.close(), again?.close()])
  })
})

describe('several channels on one connection', () => {
  test('come with a vector of positions as id, from which all of them resume exactly', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const path = '/s?channel=b&channel=a'
    const stream = await opened(served.server, path)
    await served.sse.publish('a1', { channel: 'a' })
    await served.sse.publish('b1', { channel: 'b' })
    expect(dataOf(await stream.take(2)).sort()).toEqual(['a1', 'b1'])
    expect(stream.lastEventId.split('~')).toHaveLength(2)
    const reconnecting = stream.reconnect()
    for (const data of ['a2', 'b2', 'a3', 'b3']) await served.sse.publish(data, { channel: data.charAt(0) })
    const again = await reconnecting
    const missed = dataOf((await again.take(5)).filter(event => !isOpen(event)))
    expect(missed.filter(data => data.startsWith('a'))).toEqual(['a2', 'a3'])
    expect(missed.filter(data => data.startsWith('b'))).toEqual(['b2', 'b3'])
    await again.close()
  })

  test('resume exactly from every event of a replay that is cut', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const stream = await opened(served.server, '/s?channel=a&channel=b')
    const from = stream.lastEventId
    await stream.close()
    for (let n = 0; n < 4; n++)
      for (const channel of ['a', 'b']) await served.sse.publish(`${channel}${n}`, { channel })
    const whole = await openStream(served.server, { path: `/s?channel=a&channel=b&lastEventId=${from}` })
    const events = (await whole.take(9)).filter(event => !isOpen(event))
    await whole.close()
    for (const [cut, { id }] of events.entries()) {
      const rest = await openStream(served.server, { path: `/s?channel=a&channel=b&lastEventId=${id}` })
      const more = dataOf((await rest.take(events.length - cut)).filter(event => !isOpen(event)))
      expect([...dataOf(events.slice(0, cut + 1)), ...more].sort()).toEqual(dataOf(events).sort())
      await rest.close()
    }
  })

  test('send back nothing of what a client says in its last event ID', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const id = encodeURIComponent('x~y\ndata: forged\n\ndata: z')
    const stream = await openStream(served.server, { path: `/s?channel=a&channel=b&lastEventId=${id}` })
    await stream.find(isOpen)
    expect(stream.text).not.toContain('forged')
    await stream.close()
  })

  test('leave no follower when one of them cannot be followed', async () => {
    const mitt = mittPlugin()
    const finding = deferred()
    const plugin: Plugin = {
      ...mitt,
      subscribe: (channel, ...rest) =>
        channel === 'a' ? Promise.reject(new Error('no')) : mitt.subscribe(channel, ...rest),
      find: () => finding.promise.then(() => undefined),
    }
    const sse = new SseRouter({ plugin })
    const app = new Koa().use(sse.pubSub('/s').routes())
    const reported = once(app, 'error')
    const stream = await openStream(app, { path: `/s?channel=a&channel=b&lastEventId=${'e.1.abcdefgh'}~own` })
    await reported
    finding.resolve()
    await stream.ended()
    while (sse.pubsub.channels > 0) await turns()
    await stream.close()
  })

  test('tell a hole for the channel that has it, and a client of other channels for all', async () => {
    await using served = await serve(sse => sse.pubSub('/s'))
    const stream = await openStream(served.server, { path: '/s?channel=a&channel=b&lastEventId=x.1.abcdefgh' })
    const resets = [
      await stream.find(e => e.event === 'stream-reset'),
      await stream.find(e => e.event === 'stream-reset'),
    ]
    expect(resets.map(reset => JSON.parse(reset.data)).map(({ channel, reason }) => [channel, reason])).toEqual([
      ['a', 'malformed'],
      ['b', 'malformed'],
    ])
    await stream.close()
  })

  test.each<[ChannelOptions['channelIn'], object]>([
    ['data', { data: '{"channel":"a","data":"{\\"n\\":1}"}', event: 'x' }],
    ['event', { data: '{"n":1}', event: 'a:x' }],
    [undefined, { data: '{"n":1}', event: 'x' }],
  ])('can be told apart by channelIn: %s', async (channelIn, expected) => {
    await using served = await serve(sse => sse.pubSub('/s', { channelIn }))
    const stream = await opened(served.server, '/s?channel=a&channel=b')
    await served.sse.publish({ n: 1 }, { channel: 'a', event: 'x' })
    expect(await stream.take(1)).toMatchObject([expected])
    await stream.close()
  })
})

test('a burst of twice what the log holds, in one turn, reaches a client that reads', async () => {
  await using served = await serve(sse => sse.pubSub('/s'))
  const stream = await opened(served.server, '/s')
  for (let n = 0; n < 200; n++) void served.sse.publish(`${n} ${'x'.repeat(10_000)}`)
  expect((await stream.take(200)).map(({ data }) => Number.parseInt(data, 10))).toEqual(
    Array.from({ length: 200 }, (_, n) => n),
  )
  await stream.close()
})

describe('a client that does not read', () => {
  /** Publishes until the socket of a paused client holds something back, then some more. */
  async function outrun(served: Awaited<ReturnType<typeof serve>>, accepted: Socket, more: number): Promise<number> {
    let n = 0
    const publish = async () => void (await served.sse.publish(`${n++} ${'x'.repeat(10_000)}`))
    while (accepted.writableLength === 0) {
      await publish()
      await turns()
    }
    for (let rest = 0; rest < more; rest++) {
      await publish()
      await turns()
    }
    await turns(10)
    return n
  }

  async function paused(served: Awaited<ReturnType<typeof serve>>, path = '/s'): Promise<[TestStream, Socket]> {
    const connection = once(served.server, 'connection')
    const stream = await opened(served.server, path)
    const [socket] = (await connection) as [Socket]
    stream.pause()
    return [stream, socket]
  }

  const numbers = (events: readonly { data: string; event?: string }[]) =>
    events.filter(e => !e.event).map(e => Number.parseInt(e.data, 10))

  test.each([
    ['misses nothing that history holds', 64_000_000],
    ['is told of what history does not hold', 100_000],
  ])('C4: holds a bounded part in memory, slows nobody, and once it reads again it %s', async (_name, size) => {
    await using served = await serve(sse => sse.pubSub('/s'), { router: { plugin: mittPlugin({ history: { size } }) } })
    const [stream, socket] = await paused(served)
    const other = await opened(served.server, '/s')
    const count = await outrun(served, socket, 300)
    const published = Array.from({ length: count }, (_, n) => n)
    expect(socket.writableLength).toBeLessThan(65_536 * 2 + 20_000)
    expect(numbers(await other.take(count))).toEqual(published)
    stream.resume()
    const isLast = (event: { data: string }) => event.data.startsWith('last')
    const reset = size < 1_000_000 ? await stream.find(event => event.event === 'stream-reset') : undefined
    await served.sse.publish('last')
    await stream.find(isLast)
    const got = numbers(stream.events.filter(event => !isLast(event)))
    if (reset) expect(got).toEqual(published.slice(0, got.length))
    else expect(got).toEqual(published)
    await Promise.all([stream.close(), other.close()])
  })

  test('gets only the newest event if the mount says latest', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { whenBehind: 'latest' }))
    const [stream, socket] = await paused(served)
    const count = await outrun(served, socket, 300)
    stream.resume()
    const events = [await stream.find(event => event.data.startsWith(`${count - 1} `))]
    expect(numbers(events)).toEqual([count - 1])
    expect(stream.events.some(event => event.event === 'stream-reset')).toBe(false)
    expect(numbers(stream.events).length).toBeLessThan(count - 250)
    await stream.close()
  })

  test('that keeps up gets every event, latest or not', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { whenBehind: 'latest' }))
    const stream = await opened(served.server, '/s')
    for (const price of ['1', '2', '3']) void served.sse.publish(price)
    expect(dataOf(await stream.take(3))).toEqual(['1', '2', '3'])
    await stream.close()
  })

  test('is closed if the mount says so, and resumes when it comes back', async () => {
    const served = await serve(sse => sse.pubSub('/s', { whenBehind: 'close' }))
    const [stream, socket] = await paused(served)
    const count = await outrun(served, socket, 300)
    stream.resume()
    await stream.ended().catch(() => {})
    const again = await stream.reconnect()
    await again.find(event => event.event === 'stream-reset' || event.data.startsWith(`${count - 1} `))
    await again.close()
    await served.sse.close()
    await new Promise(resolve => served.server.close(resolve))
  })

  test('is cut off after the write timeout', async () => {
    await using served = await serve(sse => sse.pubSub('/s', { writeTimeout: 150, keepAlive: 60_000 }))
    const [stream, socket] = await paused(served)
    const closed = once(socket, 'close')
    await outrun(served, socket, 50)
    await closed
    while (served.sse.pubsub.channels > 0) await turns()
    await stream.close()
    expect(served.errors).toEqual([])
  })
})

test('coalesce writes at most once in its time, and loses nothing', async () => {
  const sse = new SseRouter({ coalesce: 100 })
  const app = new Koa().use(sse.pubSub('/s', { anchor: false }).routes())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using client = await connectRaw((server.address() as AddressInfo).port, get('/s'))
  await client.until(/:\n\r\n/)
  while (sse.pubsub.channels === 0) await turns()
  await turns(5)
  let writes = 0
  client.socket.on('data', () => {
    writes += 1
  })
  const begun = performance.now()
  for (let n = 0; n < 60; n++) {
    await sse.publish(n)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const text = await client.until(/data: 59\n/)
  expect([...text.matchAll(/^data: (\d+)$/gm)].map(match => Number(match[1]))).toEqual(
    Array.from({ length: 60 }, (_, n) => n),
  )
  expect(writes).toBeLessThanOrEqual((performance.now() - begun) / 100 + 2)
  expect(writes).toBeLessThan(30)
  await sse.close()
  await new Promise(resolve => server.close(resolve))
})

test('a channel that cannot be followed ends the stream as one that began well, and is reported once', async () => {
  const plugin = { ...mittPlugin(), subscribe: () => Promise.reject(new Error('redis://secret')) }
  await using served = await serve(sse => sse.pubSub('/s'), { router: { plugin } })
  const response = await fetch(`${served.url}/s`)
  expect([response.status, await response.text()]).toEqual([200, ':\n'])
  await turns(5)
  expect(served.errors.map(error => error.message)).toEqual(['redis://secret'])
})

test('a lost connection whose read fails is made up for without another publish', async () => {
  const mitt = mittPlugin()
  let lost = () => {}
  let failures = 0
  let deaf = false
  const plugin: Plugin = {
    ...mitt,
    subscribe: (channel, deliver, onLost) => {
      lost = onLost
      return mitt.subscribe(channel, entry => deaf || deliver(entry), onLost)
    },
    read: (...args) => (failures-- > 0 ? Promise.reject(new Error('away')) : mitt.read(...args)),
  }
  await using served = await serve(sse => sse.pubSub('/s'), { router: { plugin } })
  const stream = await opened(served.server, '/s')
  deaf = true
  await served.sse.publish('missed')
  deaf = false
  failures = 1
  lost()
  expect((await stream.take(1))[0]?.data).toBe('missed')
  expect(served.errors.map(error => error.message)).toEqual(['away'])
  await stream.close()
})

test('what a bound emitter emits before the first request, and cannot be sent, is reported once the app is known', async () => {
  await using served = await serve(sse => sse.pubSub('/s'))
  const emitter = new EventEmitter()
  served.sse.pubsub.bind(emitter, ['x'])
  emitter.emit('x', 1n)
  await turns(3)
  const stream = await opened(served.server, '/s')
  expect(served.errors).toEqual([expect.objectContaining({ name: 'TypeError' })])
  await stream.close()
})

test('an error of a plugin apart from any request goes to the app’s error event once, and the stream lives', async () => {
  const lost: (() => void)[] = []
  const mitt = mittPlugin()
  let broken = false
  const plugin: Plugin = {
    ...mitt,
    subscribe: (channel, deliver, onLost) => {
      lost.push(onLost)
      return mitt.subscribe(channel, deliver, onLost)
    },
    read: (...args) => (broken ? Promise.reject(new Error('redis is away')) : mitt.read(...args)),
  }
  const sse = new SseRouter({ plugin })
  const app = new Koa().use(sse.pubSub('/s').routes())
  const errors: Error[] = []
  const reported = deferred()
  app.on('error', error => {
    errors.push(error)
    reported.resolve()
  })
  const stream = await opened(app, '/s')
  broken = true
  lost[0]?.()
  await reported.promise
  broken = false
  await sse.publish('on')
  expect((await stream.take(1))[0]?.data).toBe('on')
  expect(errors.map(error => error.message)).toEqual(['redis is away'])
  await stream.close()
})
