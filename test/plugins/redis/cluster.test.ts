import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { type RedisCluster, startCluster } from '../../redis/cluster.js'
import type { RedisServer } from '../../redis/server.js'
import { until as eventually } from '../../redis/until.js'
import {
  codeOf,
  comeBack,
  duration,
  isReset,
  join,
  numbers,
  over,
  publishAll,
  rejection,
  serveChannels,
  transcript,
  until,
} from './support.js'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(async () => cluster[Symbol.asyncDispose]())

const plugin = (options = {}) => redisPlugin({ cluster: { nodes: cluster.hosts }, ...options })
const baseOf = (channel: string) => `eventfeed:{${channel}}`

/** A channel of a topic for each node. */
function channelsOf(topic: string): [string, string, string] {
  const found = cluster.nodes.map(node => {
    for (let n = 0; ; n++) if (cluster.ownerOf(baseOf(`${topic}-${n}`)) === node) return `${topic}-${n}`
  })
  return found as [string, string, string]
}

const otherThan = (node: RedisServer) => cluster.nodes.find(other => other !== node) as RedisServer

test('channels are spread over the nodes, each published, followed and resumed at its own', async () => {
  const channels = channelsOf('spread')
  await using served = await serveChannels(plugin())
  await using publisher = over(plugin())
  const streams = await Promise.all(channels.map(channel => join(served, `/${channel}`)))
  for (const [at, channel] of channels.entries()) {
    const ids = await publishAll(publisher.pubsub, channel, 1, 20)
    await until(streams[at] as (typeof streams)[0], 20)
    expect(transcript(streams[at] as (typeof streams)[0])).toEqual(numbers(1, 20))
    expect(await comeBack(plugin(), ids[9] ?? '', { path: `/${channel}` })).toEqual(numbers(11, 20))
    const node = cluster.nodes[at] as RedisServer
    expect(await node.redis.xlen(`${baseOf(channel)}:log`)).toBe(20)
    expect(await node.redis.call('PUBSUB', 'SHARDNUMSUB', baseOf(channel))).toEqual([baseOf(channel), 1])
  }
  expect(served.told.codes).toEqual([])
  await Promise.all(streams.map(stream => stream.close()))
})

test('connections do not grow with the number of channels', async () => {
  await using served = await serveChannels(plugin())
  const clients = async () => {
    const lists = await Promise.all(cluster.nodes.map(({ redis }) => redis.client('LIST')))
    return lists.map(list => String(list).match(/name=koa-eventfeed/g)?.length ?? 0)
  }
  const few = await Promise.all(channelsOf('few').map(channel => join(served, `/${channel}`)))
  for (const channel of channelsOf('few')) await served.sse.publish(1, { channel })
  const before = await clients()
  const many = await Promise.all(numbers(1, 60).map(n => join(served, `/many-${n}`)))
  for (const n of numbers(1, 60)) await served.sse.publish(n, { channel: `many-${n}` })
  expect(await clients()).toEqual(before)
  expect(Math.max(...before)).toBeLessThanOrEqual(3)
  await Promise.all([...few, ...many].map(stream => stream.close()))
})

test('a slot that moves to another node under load loses nothing, and resets nobody', async () => {
  const [channel] = channelsOf('moving')
  const options = { history: { count: 100_000 } } // it takes some time to notice, in which much is published
  await using served = await serveChannels(plugin(options))
  await using publisher = over(plugin(options))
  const stream = await join(served, `/${channel}`, { timeout: 20_000 })
  const begin = cluster.ownerOf(baseOf(channel))
  let published = 0
  const publishFor = async (done: Promise<unknown>) => {
    let over = false
    void done.then(() => {
      over = true
    })
    while (!over) await publisher.pubsub.publish(++published, { channel })
  }
  await publishFor(setTimeout(200))
  for (const to of [otherThan(begin), begin]) {
    await publishFor(cluster.moveSlotOf(baseOf(channel), to))
    await publishFor(setTimeout(300))
    await until(stream, published)
  }
  expect(published).toBeGreaterThan(50)
  expect(transcript(stream)).toEqual(numbers(1, published))
  expect([served.told.codes, publisher.told.codes]).toEqual([[], []])
  await stream.close()
})

describe('a node that is gone', () => {
  test('takes its channels along: they cannot be reached, others work; back again, they go on', async () => {
    const [channel, other] = channelsOf('gone')
    await using served = await serveChannels(plugin({ timeout: 700 }))
    await using publisher = over(plugin({ timeout: 700 }))
    const [stream, witness] = [await join(served, `/${channel}`), await join(served, `/${other}`)]
    await publishAll(publisher.pubsub, channel, 1, 3)
    await until(stream, 3)
    const node = cluster.ownerOf(baseOf(channel))
    await node.kill()
    const published = publisher.pubsub.publish('private', { channel })
    expect(await duration(published)).toBeLessThan(1_500)
    expect(codeOf(await rejection(published))).toMatch(/^ERR_SSE_(UNCERTAIN|UNREACHABLE)$/)
    expect(codeOf(await rejection(publisher.pubsub.publish('private', { channel })))).toBe('ERR_SSE_UNREACHABLE')
    expect(codeOf(await rejection(publisher.pubsub.position(channel)))).toBe('ERR_SSE_UNREACHABLE')
    await publishAll(publisher.pubsub, other, 1, 5)
    await until(witness, 5)
    expect(transcript(witness)).toEqual(numbers(1, 5))
    await node.start()
    await cluster.healthy()
    await eventually(async () => (await rejection(publisher.pubsub.publish(4, { channel }))) === undefined)
    await stream.find(isReset) // a node without persistence has forgotten the channel
    await publisher.pubsub.publish(5, { channel })
    await until(stream, 5)
    const [one, two, three, told, ...since] = transcript(stream)
    expect([one, two, three, told]).toEqual([...numbers(1, 3), expect.stringMatching(/^!(absent|epoch)$/)])
    expect([['5'], ['4', '5']]).toContainEqual(since)
    expect(transcript(witness)).toEqual(numbers(1, 5))
    expect(served.told.codes).toContain('ERR_SSE_UNREACHABLE')
    await eventually(async () => served.sse.health().receiving && publisher.pubsub.health().publishing)
    await Promise.all([stream.close(), witness.close()])
  })

  test('that is only frozen goes on with its channels, and nothing is lost', async () => {
    const [channel, other] = channelsOf('frozen')
    const options = { timeout: 700, heartbeat: 300 }
    await using served = await serveChannels(plugin(options))
    await using publisher = over(plugin(options))
    const [stream, witness] = [await join(served, `/${channel}`), await join(served, `/${other}`)]
    const ids = await publishAll(publisher.pubsub, channel, 1, 3)
    await until(stream, 3)
    const node = cluster.ownerOf(baseOf(channel))
    node.freeze()
    const error = await rejection(publisher.pubsub.publish('late', { channel }))
    expect(codeOf(error)).toMatch(/^ERR_SSE_(UNCERTAIN|UNREACHABLE)$/)
    await publishAll(publisher.pubsub, other, 1, 5)
    await until(witness, 5)
    node.thaw()
    await cluster.healthy()
    await eventually(async () => (await rejection(publisher.pubsub.publish(4, { channel }))) === undefined)
    await until(stream, 4)
    expect(transcript(stream).filter(data => data !== 'late' && data !== '4')).toEqual(numbers(1, 3))
    expect(await comeBack(plugin(), ids[0] ?? '', { path: `/${channel}` })).toEqual(transcript(stream).slice(1))
    await Promise.all([stream.close(), witness.close()])
  })
})
