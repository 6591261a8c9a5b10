import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type RedisServer, startRedis } from '../../redis/server.js'
import {
  codeOf,
  comeBack,
  isReset,
  join,
  numbers,
  publishAll,
  rejection,
  serveChannels,
  transcript,
  until,
} from './support.js'

let server: RedisServer
let count = 0

beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => server[Symbol.asyncDispose]())

/** A stream that has seen events 1 to 3 of a channel of its own. */
async function follow() {
  count += 1
  const channel = `news${count}`
  const served = await serveChannels(redisPlugin({ url: server.url }))
  const stream = await join(served, `/${channel}`)
  const ids = await publishAll(served.sse.pubsub, channel, 1, 3)
  await until(stream, 3)
  const publish = (data: unknown) => served.sse.publish(data, { channel })
  const dispose = async () => {
    await stream.close()
    await served[Symbol.asyncDispose]()
  }
  const base = `eventfeed:{${channel}}`
  const names = { base, meta: `${base}:meta`, log: `${base}:log`, path: `/${channel}` }
  return { ...names, served, stream, ids, publish, [Symbol.asyncDispose]: dispose }
}

const plugin = () => redisPlugin({ url: server.url })

describe('what others publish on the channel of Redis', () => {
  test.each([
    ['a word', 'rubbish'],
    ['nothing', ''],
    ['JSON', '{"data":"forged"}'],
    ['half a position', 'epoch.4.\ndata'],
    ['another position without a payload', 'epoch.4.abcdefgh'],
    ['an event stream', 'data: forged\n\n'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 0x0a, 0x80])],
    ['much', 'x'.repeat(1_000_000)],
  ])('that is no event (%s) is counted and told once, and streams go on', async (_, rubbish) => {
    await using on = await follow()
    await server.redis.publish(on.base, rubbish)
    await on.served.told.until('ERR_SSE_MESSAGE')
    await on.publish(4)
    await until(on.stream, 4)
    expect(transcript(on.stream)).toEqual(numbers(1, 4))
    expect(on.served.sse.pubsub.rejected).toBe(1)
    expect(on.served.told.codes).toEqual(['ERR_SSE_MESSAGE'])
  })

  test('that is an event of nowhere does not get into a stream', async () => {
    await using on = await follow()
    await server.redis.publish(on.base, 'epoch.4.abcdefgh\nforged')
    await server.redis.publish(on.base, `${on.ids[2]?.replace('.3.', '.9.')}\nforged`)
    await server.redis.publish(on.base, `${on.ids[1]}\nforged`)
    await on.publish(4)
    await until(on.stream, 4)
    expect(transcript(on.stream)).toEqual(numbers(1, 4))
    expect(on.served.told.codes).toEqual([])
  })

  test.each([
    ['fields that are no JSON', ' {"event":\nforged'],
    ['a type that would end its line', ' {"event":"a\\ndata: forged"}\nforged'],
    ['an id that is no text', ' {"id":{}}\nforged'],
    ['a field that there is not', ' {"retry":-1}\nforged'],
    ['data that the wire cannot carry', '\nfor\0ged'],
  ])('that follows, but with %s, is left out and told, and streams go on', async (_, payload) => {
    await using on = await follow()
    const [epoch, , link = ''] = (on.ids[2] ?? '').split('.')
    await server.redis.publish(
      on.base,
      `${epoch}.4.${link.slice(link.length / 2)}${'x'.repeat(link.length / 2)}${payload}`,
    )
    await on.served.told.until('ERR_SSE_MESSAGE')
    await on.publish(4)
    await on.stream.find(isReset) // what it took for the fourth event was none
    await on.publish(5)
    await until(on.stream, 5)
    expect(transcript(on.stream)).toEqual([...numbers(1, 3), '!fork', '5'])
    expect(on.served.sse.pubsub.rejected).toBe(1)
    expect(on.stream.text).not.toContain('forged')
  })
})

describe('what others write into the keys of a channel', () => {
  test('into its history, where the next event would be: is left out and told, and nobody misses an event', async () => {
    await using on = await follow()
    await server.redis.xadd(on.log, '4-1', 'foo', 'bar')
    await on.publish(4)
    await until(on.stream, 4)
    expect(transcript(on.stream)).toEqual(numbers(1, 4))
    await using late = await serveChannels(plugin())
    const stream = await join(late, on.path, { lastEventId: on.ids[1] ?? '' })
    expect(transcript(stream)).toEqual(['3', '4'])
    expect(late.told.codes).toEqual(['ERR_SSE_MESSAGE'])
    expect(late.sse.pubsub.rejected).toBe(1)
    await stream.close()
  })

  test('into its history, past all that is to come: the next event begins a new one, and everybody is told', async () => {
    await using on = await follow()
    await server.redis.xadd(on.log, '*', 'foo', 'bar')
    expect(await on.publish(4)).toContain('.1.')
    await on.stream.find(isReset)
    await on.publish(5)
    await until(on.stream, 5)
    expect(transcript(on.stream)).toEqual([...numbers(1, 3), '!epoch', '5'])
    expect(await comeBack(plugin(), on.ids[2] ?? '', { path: on.path })).toEqual(['!epoch'])
  })

  test.each([
    ['offset', 'abc'],
    ['offset', '-5'],
    ['offset', '1e300'],
    ['offset', '9'.repeat(30)],
    ['epoch', 'a b'],
    ['epoch', ''],
    ['link', 'x'],
    ['link', 'a'.repeat(33)],
    ['at', 'soon'],
  ])('as %s of its state (%s): the channel begins a new history, and everybody is told', async (field, value) => {
    await using on = await follow()
    await server.redis.hset(on.meta, field, value)
    expect(await on.publish(4)).toContain('.1.')
    await on.stream.find(isReset)
    await on.publish(5)
    await until(on.stream, 5)
    expect(transcript(on.stream)).toEqual([...numbers(1, 3), '!epoch', '5'])
    await server.redis.hset(on.meta, field, value)
    expect(await comeBack(plugin(), on.ids[2] ?? '', { path: on.path })).toEqual(['!epoch'])
  })

  test.each(['meta', 'log'] as const)(
    'in place of its %s: publishing is refused, open streams stay and go on',
    async key => {
      await using on = await follow()
      await server.redis.set(on[key], 'mine')
      expect(codeOf(await rejection(on.publish(4)))).toBe('ERR_SSE_REFUSED')
      expect(on.served.sse.health().publishing).toBe(true) // the other channels are as they were
      expect(await server.redis.get(on[key])).toBe('mine')
      await server.redis.del(on[key])
      await on.publish(5)
      if (key === 'meta') await on.stream.find(isReset)
      await on.publish(6)
      await until(on.stream, 6)
      expect(transcript(on.stream)).toEqual(
        key === 'meta' ? [...numbers(1, 3), '!epoch', '6'] : ['1', '2', '3', '5', '6'],
      )
      expect(on.served.told.codes).toEqual([])
    },
  )
})
