import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type RedisServer, startRedis } from '../../redis/server.js'
import { until } from '../../redis/until.js'
import { open } from './client.js'
import { type Running, startProxy, temporaryFolder } from './proxy.js'
import { freePorts } from './stage.js'

const file = fileURLToPath(new URL('../../../docs/deployment/server.mjs', import.meta.url))
const names = ['web', 'one', 'two'] as const

export type Ports = Record<(typeof names)[number], number>

/** What a proxy does before two servers of docs/deployment/server.mjs, which share a Redis. */
export function proveBalancing(path: string, command: (folder: string, ports: Ports) => string[]): void {
  let ports: Ports
  let redis: RedisServer
  let proxy: Running
  const servers = new Map<number, ChildProcess>()

  const serve = async (port: number) => {
    const env = { ...process.env, PORT: `${port}`, REDIS_URL: redis.url, SSE_REDIS_URL: '', PUBLISH_KEY: 'secret' }
    const child = spawn(process.execPath, [file], { env, stdio: 'inherit' })
    servers.set(port, child)
    await until(async () => (await fetch(`http://127.0.0.1:${port}/health`)).status === 200)
  }

  beforeAll(async () => {
    redis = await startRedis()
    ports = await freePorts(names)
    await Promise.all([serve(ports.one), serve(ports.two)])
    const folder = temporaryFolder()
    proxy = await startProxy(path, command(folder, ports), [ports.web], folder)
  })

  afterAll(async () => {
    for (const child of servers.values()) child.kill('SIGKILL')
    await proxy[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  })

  const stop = async (port: number) => {
    const child = servers.get(port) as ChildProcess
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    return exited
  }

  const publish = async (data: string, port: number) => {
    const headers = { 'Content-Type': 'application/json', 'X-Key': 'secret' }
    const body = JSON.stringify({ data })
    const answer = await fetch(`http://127.0.0.1:${port}/sse/publish`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
  }

  test('two servers: the streams of one that is stopped end, and go on at the other without a loss', async () => {
    const news = `h2://127.0.0.1:${ports.web}/sse/news`
    const streams = [await open(news), await open(news)]
    for (const stream of streams) expect((await stream.next()).event).toBe('stream-open')
    await publish('to both servers', ports.one)
    const seen = await Promise.all(streams.map(stream => stream.next()))
    expect(seen.map(({ data }) => data)).toEqual(['to both servers', 'to both servers'])

    const ended = streams.map((stream, n) => stream.over().then(() => n))
    expect(await stop(ports.one)).toEqual([0, null])
    const moving = await Promise.race(ended)
    await publish('meanwhile', ports.two)
    using moved = await open(news, { 'Last-Event-ID': seen[moving]?.id ?? '' })
    expect((await moved.next()).data).toBe('meanwhile')
    for (const stream of streams) stream.leave()
  })
}
