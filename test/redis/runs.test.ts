import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import type { Plugin } from '../../src/plugin.js'
import { formatPosition, type Position } from '../../src/position.js'
import { RUN, type RunStore, type Standing } from '../../src/run-store.js'
import { type RedisCluster, startCluster } from './cluster.js'
import { type RedisServer, startRedis } from './server.js'
import { until } from './until.js'

let server: RedisServer
let cluster: RedisCluster

beforeAll(async () => {
  server = await startRedis()
  cluster = await startCluster()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

let count = 0
const ask = { lease: 200, count: 3, watching: true, begin: true }

describe.each([
  ['in one process', () => mittPlugin()],
  ['over Redis', () => redisPlugin({ url: server.url })],
  ['over a cluster', () => redisPlugin({ cluster: { nodes: cluster.hosts } })],
])('runs %s', (_, make) => {
  let plugin: Plugin
  let runs: RunStore
  let channel: string

  beforeAll(() => {
    plugin = make()
    runs = plugin.runs as RunStore
  })
  afterAll(() => plugin.close())

  const begin = async (): Promise<Standing> => {
    count += 1
    channel = `${RUN}run ${count}`
    return runs.claim(channel, { ...ask, holder: 'a' })
  }
  const publish = async ({ token, top }: Standing, data: string) => runs.publish(channel, { data }, token, top, 3)

  test('are held by who claims them first, and renewed', async () => {
    const standing = await begin()
    expect(standing).toMatchObject({ status: 'mine', isNew: true, others: 0, start: { offset: 0 } })
    expect(formatPosition(standing.top)).toBe(formatPosition(standing.start))
    expect(await runs.claim(channel, { ...ask, holder: 'b' })).toMatchObject({
      status: 'elsewhere',
      isNew: false,
      others: 1,
    })
    expect(await runs.claim(channel, { ...ask, holder: 'a' })).toMatchObject({
      status: 'mine',
      isNew: false,
      others: 1,
    })
    await runs.claim(channel, { ...ask, holder: 'b', watching: false })
    expect(await runs.claim(channel, { ...ask, holder: 'a' })).toMatchObject({ others: 0, token: standing.token })
  })

  test('pass to another once they lapse, who alone publishes then', async () => {
    const standing = await begin()
    const first = (await publish(standing, '1')) as Position
    let other = standing
    await until(async () => {
      other = await runs.claim(channel, { ...ask, holder: 'b' })
      return other.status === 'mine'
    })
    expect(other.token).toBeGreaterThan(standing.token)
    expect(formatPosition(other.top)).toBe(formatPosition(first))
    expect(await runs.publish(channel, { data: 'late' }, standing.token, first, 3)).toBeUndefined()
    expect(await publish(other, '2')).toMatchObject({ offset: 2, parent: first.tag })
    expect(await runs.claim(channel, { ...ask, holder: 'a' })).toMatchObject({ status: 'elsewhere' })
  })

  test('publish once what is tried again, and nothing that comes late', async () => {
    const standing = await begin()
    const message = { data: '1' }
    const first = (await runs.publish(channel, message, standing.token, standing.top, 3)) as Position
    if (plugin.name === 'redis') {
      const again = (await runs.publish(channel, message, standing.token, standing.top, 3)) as Position
      expect(formatPosition(again)).toBe(formatPosition(first))
      expect(await runs.publish(channel, { data: 'other' }, standing.token, standing.top, 3)).toBeUndefined()
    }
    const result = await plugin.read(channel, standing.start, 10)
    expect(result.ok && result.entries.map(({ message: { data } }) => data)).toEqual(['1'])
  })

  test('keep as many events as they are told', async () => {
    const standing = await begin()
    let top = standing.top
    for (const data of ['1', '2', '3', '4'])
      top = (await runs.publish(channel, { data }, standing.token, top, 3)) as Position
    expect(await plugin.read(channel, standing.start, 10)).toMatchObject({ ok: false, reason: 'trimmed' })
  })

  test('begin anew in another epoch', async () => {
    const standing = await begin()
    await publish(standing, '1')
    const start = (await runs.restart(channel, standing.token)) as Position
    expect(start.epoch).not.toBe(standing.start.epoch)
    expect(await runs.publish(channel, { data: '1' }, standing.token, start, 3)).toMatchObject({
      offset: 1,
      epoch: start.epoch,
    })
    expect(await runs.restart(channel, standing.token + 1)).toBeUndefined()
  })

  test('are over for all when they are finished, and forgotten after some time', async () => {
    const standing = await begin()
    await runs.finish(channel, standing.token + 1, 100)
    await runs.finish(channel, standing.token, 100)
    expect(await runs.claim(channel, { ...ask, holder: 'b' })).toMatchObject({ status: 'over' })
    expect(await publish(standing, 'late')).toBeUndefined()
    await until(async () => (await runs.claim(channel, { ...ask, holder: 'b' })).isNew)
    const next = await runs.claim(channel, { ...ask, holder: 'b' })
    expect(next.start.epoch).not.toBe(standing.start.epoch)
    await runs.finish(channel, next.token, 0)
    expect(await runs.claim(channel, { ...ask, holder: 'c' })).toMatchObject({ status: 'mine', isNew: true })
  })

  test('can be taken by force', async () => {
    const standing = await begin()
    const taken = await runs.claim(channel, { ...ask, holder: 'b', force: true })
    expect(taken).toMatchObject({ status: 'mine' })
    expect(await publish(standing, 'late')).toBeUndefined()
    expect(await publish(taken, 'mine')).toMatchObject({ offset: 1 })
  })
})
