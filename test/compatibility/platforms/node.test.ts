import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Agent, type Dispatcher, fetch } from 'undici'
import { type RedisServer, startRedis, tlsCa } from '../../redis/server.js'
import { packageVersion } from '../clients/versions.js'
import { Reader } from '../reader.js'
import { Project } from './project.js'
import { nodeOf } from './runtime.js'

const versions: string[] = Object.values(JSON.parse(readFileSync(new URL('node.json', import.meta.url), 'utf8')))
const nodes = await Promise.all(versions.map(version => nodeOf(version).catch((error: Error) => error)))

const { name, exports } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
const entries = Object.keys(exports)
  .filter(path => path !== './package.json')
  .map(path => path.replace('.', name))
const servers = [
  ['koa', 'mitt', 'http'],
  ['koa', 'redis', 'http2'],
  ['koa2', 'mitt', 'http2'],
  ['koa2', 'redis', 'http'],
].map(([koa = '', plugin, protocol]) => {
  const title = `Koa ${packageVersion(koa)} with ${plugin}Plugin over ${protocol === 'http' ? 'HTTP/1.1' : 'HTTP/2 with TLS'}`
  return [title, [koa, `${plugin}`, `${protocol}`]] as const
})

const project = new Project()
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  await project.install(['koa', 'koa2', 'ioredis', 'jose', 'prom-client'])
}, 120_000)

// A shared run of one process would be taken over by the next.
beforeEach(() => redis.redis.flushall())

afterAll(async () => {
  await redis[Symbol.asyncDispose]()
  project.remove()
})

const cases = versions.map((version, n) => [version, nodes[n] as string | Error] as const)

for (const [version, node] of cases) {
  if (typeof node !== 'string') console.error(`Node ${version} is not tested, for it cannot be had: ${node.message}`)
}

describe.each(cases)('Node.js %s', (_version, found) => {
  const proves = typeof found === 'string' ? test : test.skip
  const node = String(found)

  proves('the package is loaded by import and by require, with the same names', async () => {
    const lines = (await project.run(node, 'entries.cjs', ...entries)).trim().split('\n')
    expect(lines).toEqual(expect.arrayContaining(entries.map(entry => expect.stringMatching(`^${entry} \\w+$`))))
    expect(lines).toContain(`${name} SseRouter`)
  })

  proves.each([
    ['an ES module', 'consumer.mjs'],
    ['a CommonJS module', 'consumer.cjs'],
  ])('%s serves a stream, reads it, and its process ends', async (_, file) => {
    const { type, text, taken } = JSON.parse(await project.run(node, file))
    expect([type, text]).toEqual([expect.stringMatching(/^text\/event-stream/), expect.stringContaining(taken)])
  })

  proves('the Redis plugin carries a channel from one process to another', async () => {
    expect(await project.run(node, 'redis.mjs', redis.url)).toBe('hello from another process\n')
  })

  proves.each(servers)('on %s every mount serves, resumes and ends without a warning', async (_, args) => {
    await using server = await project.serve(node, args, { REDIS_URL: redis.url })
    const dispatcher = new Agent({ allowH2: args.includes('http2'), connect: { ca: tlsCa } })
    await proveSources(server.url, dispatcher)
    await proveChannel(server.url, dispatcher)
    await dispatcher.destroy()
    expect(await server.terminate()).toEqual({ code: 0, errors: '' })
  })
})

async function proveSources(url: string, dispatcher: Dispatcher): Promise<void> {
  await using clock = await Reader.open(`${url}/function`, { dispatcher })
  expect([(await clock.next())?.event, (await clock.next())?.event]).toEqual(['step', 'step'])
  for (const path of ['/generator', '/shared', '/shared']) {
    await using reader = await Reader.open(`${url}${path}`, { dispatcher })
    for (const n of [1, 2, 3]) expect(await reader.next()).toEqual({ event: 'step', id: `${n}`, data: `{"n":${n}}` })
    await using resumed = await Reader.open(`${url}${path}`, { dispatcher, headers: { 'Last-Event-ID': '2' } })
    expect(await resumed.next()).toMatchObject({ event: 'step', id: '3' })
  }
}

async function proveChannel(url: string, dispatcher: Dispatcher): Promise<void> {
  const publish = (n: number) =>
    fetch(`${url}/publish`, {
      dispatcher,
      method: 'POST',
      body: JSON.stringify({ data: { n }, event: 'news' }),
      headers: { 'Content-Type': 'application/json' },
    })
  await using reader = await Reader.open(`${url}/channel`, { dispatcher })
  const { id = '' } = await reader.find('stream-open')
  for (const n of [1, 2]) expect((await publish(n)).status).toBe(200)
  await using resumed = await Reader.open(`${url}/channel`, { dispatcher, headers: { 'Last-Event-ID': id } })
  for (const stream of [reader, resumed]) {
    expect([(await stream.find('news')).data, (await stream.find('news')).data]).toEqual(['{"n":1}', '{"n":2}'])
  }
}
