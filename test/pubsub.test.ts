import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import {
  type Emitter,
  type EventSubscription,
  type Plugin,
  PubSub,
  type ReceivedEvent,
  ServerSentEvent,
} from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import mittModule from 'mitt'
import { turns } from './support.js'

const mitt = mittModule as unknown as typeof mittModule.default

async function take(events: EventSubscription, count: number): Promise<ReceivedEvent[]> {
  const taken: ReceivedEvent[] = []
  for (let n = 0; n < count; n++) taken.push((await events.next()).value as ReceivedEvent)
  return taken
}
const dataOf = (events: ReceivedEvent[]) => events.map(event => event.data)

describe('publish', () => {
  test('resolves with the id that clients see: the position, or the publisher’s own', async () => {
    const pubsub = new PubSub()
    const events = pubsub.subscribe('a')
    await events.ready
    const ids = [await pubsub.publish('x', { channel: 'a' }), await pubsub.publish('y', { channel: 'a', id: 7 })]
    expect(ids).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]+\.1\.[A-Za-z0-9_-]{8}$/), '7'])
    expect((await take(events, 2)).map(event => event.id)).toEqual(ids)
    await pubsub.close()
  })

  test('takes an event, or data and fields, for a channel or for sse', async () => {
    const pubsub = new PubSub()
    const events = pubsub.subscribe()
    await events.ready
    await pubsub.publish({ a: 1 }, { event: 'x', retry: 5 })
    await pubsub.publish(new ServerSentEvent('y', { event: 'z' }))
    expect(await take(events, 2)).toMatchObject([
      { channel: 'sse', data: '{"a":1}', event: 'x', retry: 5 },
      { channel: 'sse', data: 'y', event: 'z' },
    ])
    await pubsub.close()
  })

  test.each<[string, unknown, object]>([
    ['what the wire cannot carry', 1n, {}],
    ['a reserved event type', 1, { event: 'error' }],
    ['an empty channel', 1, { channel: '' }],
    ['a channel with a line end', 1, { channel: 'a\nb' }],
    ['a channel that is too long', 1, { channel: 'x'.repeat(257) }],
    ['a channel that is no string', 1, { channel: 5 }],
    ['a misspelt channel', 1, { chanel: 'a' }],
    ['options that are a channel', 1, 'a' as never],
  ])('rejects %s with a TypeError, and publishes nothing', async (_name, data, options) => {
    const pubsub = new PubSub()
    const before = await pubsub.position()
    await expect(pubsub.publish(data, options)).rejects.toThrow(TypeError)
    expect(await pubsub.position()).toBe(before)
    await pubsub.close()
  })
})

describe('subscribe', () => {
  test('F6: with a limit of 2 exactly 2 are delivered, then the end', async () => {
    const pubsub = new PubSub()
    const events = pubsub.subscribe('a', { limit: 2 })
    await events.ready
    for (const data of ['1', '2', '3']) await pubsub.publish(data, { channel: 'a' })
    const received: ReceivedEvent[] = []
    for await (const event of events) received.push(event)
    expect(dataOf(received)).toEqual(['1', '2'])
    expect(pubsub.channels).toBe(0)
    await pubsub.close()
  })

  test.each([-1, 1.5, Number.NaN, '2' as never])('refuses a limit of %s', limit => {
    expect(() => new PubSub().subscribe('a', { limit })).toThrow(RangeError)
  })

  test('ends at once with a limit of 0, or a signal that is aborted', async () => {
    const pubsub = new PubSub()
    expect(await pubsub.subscribe('a', { limit: 0 }).next()).toEqual({ done: true, value: undefined })
    expect(await pubsub.subscribe('a', { signal: AbortSignal.abort() }).next()).toEqual({
      done: true,
      value: undefined,
    })
    expect(pubsub.channels).toBe(0)
  })

  test('ends when its signal is aborted, or its loop is left', async () => {
    const pubsub = new PubSub()
    const controller = new AbortController()
    const waiting = pubsub.subscribe('a', { signal: controller.signal })
    await waiting.ready
    const next = waiting.next()
    controller.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    const looping = pubsub.subscribe('a')
    await looping.ready
    await pubsub.publish(1, { channel: 'a' })
    for await (const _event of looping) break
    expect(pubsub.channels).toBe(0)
    await pubsub.close()
  })

  test('is ready, and over, when it ends before it has joined', async () => {
    const pubsub = new PubSub()
    await pubsub.subscribe('a', { limit: 0 }).ready
    await pubsub.subscribe('a', { signal: AbortSignal.abort() }).ready
    const controller = new AbortController()
    const joining = pubsub.subscribe('a', { signal: controller.signal })
    controller.abort()
    await joining.ready
    await turns(3)
    expect(pubsub.channels).toBe(0)
  })

  test('ends when the PubSub is closed', async () => {
    const pubsub = new PubSub()
    const events = pubsub.subscribe('a')
    await events.ready
    const next = events.next()
    await pubsub.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(pubsub.channels).toBe(0)
  })

  test('goes on after a hole with what comes, not with what it was being replayed', async () => {
    let broker = mittPlugin()
    let lost = () => {}
    const plugin: Plugin = {
      name: 'replaced',
      publish: (...args) => broker.publish(...args),
      read: (...args) => broker.read(...args),
      subscribe: (channel, deliver, onLost) => {
        lost = onLost
        return broker.subscribe(channel, deliver, onLost)
      },
      close: () => broker.close(),
    }
    const pubsub = new PubSub({ plugin, maxLog: 1_000 })
    const keep = pubsub.subscribe('a')
    await keep.ready
    const before = await pubsub.position('a')
    for (let n = 0; n < 6; n++) await pubsub.publish(`${n} ${'x'.repeat(20_000)}`, { channel: 'a' })
    const events = pubsub.subscribe('a', { lastEventId: before })
    expect((await events.next()).value?.data).toMatch(/^0 /)
    broker = mittPlugin()
    lost()
    await turns(5)
    expect((await events.next()).value).toMatchObject({ event: 'stream-reset' })
    expect(await Promise.race([events.next(), turns(5).then(() => 'nothing')])).toBe('nothing')
    await pubsub.close()
  })

  test('gives several calls of next() their events in order', async () => {
    const pubsub = new PubSub()
    const events = pubsub.subscribe('a')
    await events.ready
    const nexts = [events.next(), events.next(), events.next()]
    for (const data of ['1', '2', '3']) await pubsub.publish(data, { channel: 'a' })
    expect((await Promise.all(nexts)).map(({ value }) => value?.data)).toEqual(['1', '2', '3'])
    await events.return()
    await pubsub.close()
  })

  test('keeps no queue: who does not pull is told of the hole when history has gone on without it', async () => {
    const pubsub = new PubSub({ plugin: mittPlugin({ history: { count: 10 } }), maxLog: 1_000 })
    const events = pubsub.subscribe('a')
    await events.ready
    for (let n = 0; n < 5_000; n++) await pubsub.publish(`${n} ${'x'.repeat(200)}`, { channel: 'a' })
    await turns(5)
    const [reset, ...rest] = await take(events, 1)
    expect(reset).toMatchObject({ event: 'stream-reset', channel: 'a' })
    expect(JSON.parse(reset?.data ?? '')).toMatchObject({ channel: 'a', reason: 'trimmed' })
    expect(rest).toEqual([])
    await pubsub.publish('after', { channel: 'a' })
    expect(dataOf(await take(events, 1))).toEqual(['after'])
    await pubsub.close()
  })

  test('rejects when the channel can no longer be followed', async () => {
    const mitt = mittPlugin()
    let broken = false
    const plugin: Plugin = {
      ...mitt,
      read: (...args) => (broken ? Promise.reject(new Error('gone')) : mitt.read(...args)),
    }
    const pubsub = new PubSub({ plugin, maxLog: 1_000 })
    const events = pubsub.subscribe('a')
    await events.ready
    broken = true
    for (let n = 0; n < 100; n++) await pubsub.publish('x'.repeat(10_000), { channel: 'a' }) // its place leaves the log
    await turns(5)
    await expect(events.next()).rejects.toThrow('gone')
    expect(pubsub.channels).toBe(0)
    await pubsub.close()
  })

  test('rejects when the channel cannot be followed', async () => {
    const plugin: Plugin = { ...mittPlugin(), subscribe: () => Promise.reject(new Error('no')) }
    const events = new PubSub({ plugin }).subscribe('a')
    await expect(events.ready).rejects.toThrow('no')
    await expect(events.next()).rejects.toThrow('no')
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })
})

describe('resume', () => {
  test('gives exactly what followed the last event ID, then what comes', async () => {
    const pubsub = new PubSub()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push(await pubsub.publish(n, { channel: 'a' }))
    const events = pubsub.subscribe('a', { lastEventId: ids[2] as string })
    await events.ready
    await pubsub.publish(5, { channel: 'a' })
    expect(dataOf(await take(events, 3))).toEqual(['3', '4', '5'])
    await pubsub.close()
  })

  test('F11: goes on from a position that was taken before the events', async () => {
    const pubsub = new PubSub()
    const before = await pubsub.position('job')
    for (let n = 0; n < 3; n++) await pubsub.publish(n, { channel: 'job' })
    expect(dataOf(await take(pubsub.subscribe('job', { lastEventId: before }), 3))).toEqual(['0', '1', '2'])
    await pubsub.close()
  })

  test('finds an id of the publisher’s own, the newest with that id', async () => {
    const pubsub = new PubSub()
    for (const [data, id] of [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'a'],
      ['4', 'c'],
    ] as const)
      await pubsub.publish(data, { id })
    expect(dataOf(await take(pubsub.subscribe('sse', { lastEventId: 'a' }), 1))).toEqual(['4'])
    expect(dataOf(await take(pubsub.subscribe('sse', { lastEventId: 'b' }), 2))).toEqual(['3', '4'])
    await pubsub.close()
  })

  test.each<[string, (pubsub: PubSub, id: string) => string | Promise<string>, string]>([
    ['malformed', () => 'nonsense', 'malformed'],
    ['an empty position', () => '..', 'malformed'],
    ['huge', () => 'x'.repeat(10_000), 'malformed'],
    ['of another epoch', (_pubsub, id) => id.replace(/^[^.]+/, 'other'), 'epoch'],
    ['of another channel', pubsub => pubsub.publish('x', { channel: 'other' }), 'epoch'],
    ['ahead of the channel', (_pubsub, id) => id.replace(/\.\d+\./, '.999.'), 'rollback'],
    ['of another lineage', (_pubsub, id) => id.replace(/.{4}$/, '----'), 'fork'],
  ])('ends in a hole that is told when the id is %s', async (_name, make, reason) => {
    const pubsub = new PubSub()
    await pubsub.publish('1', { channel: 'a' })
    const id = await pubsub.publish('2', { channel: 'a' })
    const top = await pubsub.publish('3', { channel: 'a' })
    const events = pubsub.subscribe('a', { lastEventId: await make(pubsub, id) })
    await events.ready
    await pubsub.publish('4', { channel: 'a' })
    const [reset, next] = await take(events, 2)
    expect(reset).toMatchObject({ event: 'stream-reset', id: top })
    expect(JSON.parse(reset?.data ?? '')).toMatchObject({ channel: 'a', reason, now: top })
    expect(next).toMatchObject({ data: '4' })
    await pubsub.close()
  })

  test.each([
    [-1, 'trimmed'],
    [0, undefined],
    [1, undefined],
  ])('of a cursor at the edge of the history %i: %s', async (distance, reason) => {
    const pubsub = new PubSub({ plugin: mittPlugin({ history: { count: 3 } }) })
    const ids: string[] = []
    for (let n = 0; n < 10; n++) ids.push(await pubsub.publish(n, { channel: 'a' }))
    // 7, 8 and 9 are kept: who has 6 misses nothing.
    const events = pubsub.subscribe('a', { lastEventId: ids[6 + distance] as string })
    const [first] = await take(events, 1)
    if (reason) expect(JSON.parse(first?.data ?? '')).toMatchObject({ reason })
    else expect(first?.data).toBe(String(7 + distance))
    await pubsub.close()
  })

  test('of more than maxReplay events is told as a hole', async () => {
    const pubsub = new PubSub({ maxReplay: 3 })
    const before = await pubsub.position('a')
    for (let n = 0; n < 4; n++) await pubsub.publish(n, { channel: 'a' })
    const [reset] = await take(pubsub.subscribe('a', { lastEventId: before }), 1)
    expect(JSON.parse(reset?.data ?? '')).toMatchObject({ reason: 'limit' })
    await pubsub.close()
  })
})

describe('history', () => {
  const held = async (pubsub: PubSub, from: string, count: number) => {
    const events = pubsub.subscribe('a', { lastEventId: from })
    return dataOf(await take(events, count))
  }

  test('is bounded by size', async () => {
    const pubsub = new PubSub({ plugin: mittPlugin({ history: { size: 250 } }) })
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push(await pubsub.publish(String(n).repeat(100), { channel: 'a' }))
    expect(await held(pubsub, ids[2] as string, 2)).toEqual(['3'.repeat(100), '4'.repeat(100)])
    expect(JSON.parse((await held(pubsub, ids[1] as string, 1))[0] as string)).toMatchObject({ reason: 'trimmed' })
    await pubsub.close()
  })

  test('is bounded by age', async () => {
    const pubsub = new PubSub({ plugin: mittPlugin({ history: { age: 100 } }) })
    const keep = pubsub.subscribe('a')
    await keep.ready
    const before = await pubsub.publish('old', { channel: 'a' })
    await pubsub.publish('older than allowed', { channel: 'a' })
    await new Promise(resolve => setTimeout(resolve, 150))
    await keep.return()
    expect(JSON.parse((await held(pubsub, before, 1))[0] as string)).toMatchObject({
      reason: expect.stringMatching(/trimmed|epoch|absent/),
    })
    await pubsub.close()
  })

  test.each([
    [{ count: -1 }, RangeError],
    [{ age: 0 }, RangeError],
    [{ size: '1mb' as never }, TypeError],
  ])('refuses the limits %j', (history, type) => {
    expect(() => mittPlugin({ history })).toThrow(type)
  })
})

describe('order and isolation', () => {
  test('a publish inside a loop of one subscriber does not overtake for another', async () => {
    const pubsub = new PubSub()
    const [answering, watching] = [pubsub.subscribe('a', { limit: 4 }), pubsub.subscribe('a', { limit: 4 })]
    await Promise.all([answering.ready, watching.ready])
    const answers = (async () => {
      for await (const { data } of answering)
        if (!data.startsWith('re')) await pubsub.publish(`re ${data}`, { channel: 'a' })
    })()
    await Promise.all([pubsub.publish('1', { channel: 'a' }), pubsub.publish('2', { channel: 'a' })])
    await answers
    const seen: string[] = []
    for await (const { data } of watching) seen.push(data)
    expect(seen).toEqual(['1', '2', 're 1', 're 2'])
    await pubsub.close()
  })

  test('a message that another process sent and that cannot be sent on is reported, and the channel goes on', async () => {
    const errors: unknown[] = []
    const mitt = mittPlugin()
    const pubsub = new PubSub({ plugin: mitt, onError: error => errors.push(error) })
    const events = pubsub.subscribe('a')
    await events.ready
    for (const message of [
      { data: 'ok' },
      { data: 5 },
      { data: 'x', id: 'a\nb' },
      { data: 'x', retry: 0 },
      { data: 'fine' },
    ]) {
      await mitt.publish('a', message as never)
    }
    expect(dataOf(await take(events, 2))).toEqual(['ok', 'fine'])
    expect(errors).toHaveLength(3)
    expect(pubsub.rejected).toBe(3)
    expect(errors[0]).toMatchObject({ code: 'ERR_SSE_MESSAGE', message: expect.stringContaining("channel 'a'") })
    await pubsub.close()
  })

  test('nor is one replayed that history holds', async () => {
    const errors: unknown[] = []
    const mitt = mittPlugin()
    const pubsub = new PubSub({ plugin: mitt, onError: error => errors.push(error) })
    const before = await pubsub.position('a')
    for (const message of [{ data: 5 }, { data: 'x', id: 'q\ndata: forged\n\nid: z' }, { data: 'fine' }, { data: 5 }]) {
      await mitt.publish('a', message as never)
    }
    const events = pubsub.subscribe('a', { lastEventId: before })
    await events.ready
    await pubsub.publish('next', { channel: 'a' })
    expect(dataOf(await take(events, 2))).toEqual(['fine', 'next'])
    expect(errors).toHaveLength(3)
    await pubsub.close()
  })

  // In a process of its own: what nobody catches is the test runner's here.
  test('an onError that throws does not stop the channel: what it throws is thrown elsewhere', () => {
    const script = `
      import { PubSub } from 'koa-eventfeed'
      import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
      process.on('uncaughtException', error => console.log('uncaught:', error.message))
      const plugin = mittPlugin()
      const pubsub = new PubSub({ plugin, onError: () => { throw new Error('onError failed') } })
      const events = pubsub.subscribe('a')
      await events.ready
      await plugin.publish('a', { data: 5 })
      await plugin.publish('a', { data: 'fine' })
      console.log('received:', (await events.next()).value.data)
      await pubsub.close()`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    expect(stdout.trim().split('\n')).toEqual(['uncaught: onError failed', 'received: fine'])
  })

  test('channels with the names of what objects have are channels like others', async () => {
    const pubsub = new PubSub()
    for (const channel of ['*', '__proto__', 'constructor', 'ünï 🎈']) {
      const [events, other] = [pubsub.subscribe(channel), pubsub.subscribe('other')]
      await Promise.all([events.ready, other.ready])
      await pubsub.publish('x', { channel })
      await pubsub.publish('y', { channel: 'other' })
      expect(dataOf(await take(events, 1))).toEqual(['x'])
      expect(dataOf(await take(other, 1))).toEqual(['y'])
      await Promise.all([events.return(), other.return()])
    }
    await pubsub.close()
  })
})

describe('bind', () => {
  const emitters: [string, () => { emitter: Emitter; emit(event: string, data: unknown): void }][] = [
    [
      'an EventEmitter',
      () => {
        const emitter = new EventEmitter()
        return { emitter, emit: (event, data) => void emitter.emit(event, data) }
      },
    ],
    [
      'mitt',
      () => {
        const emitter = mitt<Record<string, unknown>>()
        return { emitter, emit: (event, data) => emitter.emit(event, data) }
      },
    ],
    [
      'an EventTarget',
      () => {
        const emitter = new EventTarget()
        return {
          emitter,
          emit: (event, data) => void emitter.dispatchEvent(Object.assign(new Event(event), { detail: data })),
        }
      },
    ],
  ]

  test.each(emitters)('S1: publishes what %s emits, until it is undone', async (_name, make) => {
    const pubsub = new PubSub()
    const { emitter, emit } = make()
    const events = pubsub.subscribe('orders')
    await events.ready
    const unbind = pubsub.bind(emitter, ['order', 'refund'], { channel: 'orders' })
    emit('order', { id: 1 })
    emit('refund', 'x')
    emit('else', 2)
    expect(await take(events, 2)).toMatchObject([
      { event: 'order', data: '{"id":1}' },
      { event: 'refund', data: 'x' },
    ])
    unbind()
    unbind()
    emit('order', { id: 2 })
    await pubsub.publish('last', { channel: 'orders' })
    expect(dataOf(await take(events, 1))).toEqual(['last'])
    await pubsub.close()
  })

  test('sends several arguments as a list, and none as null', async () => {
    const pubsub = new PubSub()
    const emitter = new EventEmitter()
    const events = pubsub.subscribe()
    await events.ready
    pubsub.bind(emitter, ['x'])
    emitter.emit('x', 1, 'two')
    emitter.emit('x')
    expect(dataOf(await take(events, 2))).toEqual(['[1,"two"]', 'null'])
    await pubsub.close()
  })

  test('reports what cannot be published, and neither the emitter nor its other listeners notice', async () => {
    const errors: unknown[] = []
    const pubsub = new PubSub({ onError: error => errors.push(error) })
    const emitter = new EventEmitter()
    const heard: unknown[] = []
    pubsub.bind(emitter, ['x'])
    emitter.on('x', data => heard.push(data))
    emitter.emit('x', 1n)
    await turns()
    expect(heard).toEqual([1n])
    expect(errors).toEqual([expect.objectContaining({ name: 'TypeError' })])
    await pubsub.close()
  })

  test.each<[string, unknown, unknown, object]>([
    ['no emitter', {}, ['x'], {}],
    ['null', null, ['x'], {}],
    ['no names', new EventEmitter(), [], {}],
    ['a name instead of a list', new EventEmitter(), 'x', {}],
    ["EventSource's own error", new EventEmitter(), ['error'], {}],
    ['a channel that is no name', new EventEmitter(), ['x'], { channel: '' }],
  ])('refuses %s', (_name, emitter, events, options) => {
    expect(() => new PubSub().bind(emitter as Emitter, events as string[], options)).toThrow(TypeError)
  })
})

test('F12: 1,000 channels used and left leave no channel with followers, and no history once it is old', async () => {
  const pubsub = new PubSub({ plugin: mittPlugin({ history: { age: 50 } }) })
  for (let n = 0; n < 1_000; n++) {
    const events = pubsub.subscribe(`channel-${n}`)
    await events.ready
    await pubsub.publish('x', { channel: `channel-${n}` })
    await take(events, 1)
    await events.return()
  }
  expect(pubsub.channels).toBe(0)
  const before = await pubsub.position('channel-0')
  await new Promise(resolve => setTimeout(resolve, 200))
  expect(await pubsub.position('channel-0')).not.toBe(before)
  await pubsub.close()
})

test.each<[object, ErrorConstructor]>([
  [{ maxLog: 0 }, RangeError],
  [{ maxReplay: 1.5 }, RangeError],
  [{ coalesce: -1 }, RangeError],
  [{ coalesce: '20ms' }, TypeError],
  [{ history: 5 }, TypeError],
])('a PubSub refuses %j', (options, type) => {
  expect(() => new PubSub(options)).toThrow(type)
})
