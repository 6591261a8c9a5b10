import { setTimeout } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { webOn } from '../compatibility/proxies/haproxy-configuration.js'
import { describeProgram, haproxy } from '../compatibility/proxies/program.js'
import { startProxy, temporaryFolder } from '../compatibility/proxies/proxy.js'
import { freePorts } from '../compatibility/proxies/stage.js'
import { startRedis } from '../redis/server.js'
import { until } from '../redis/until.js'
import { Client, RollingPage, type Seen } from './rolling-clients.js'
import { RollingServers } from './rolling-servers.js'

const CHANNELS = ['a', 'b', 'c']
/** What is in each stream. */
const STREAMS: Record<string, readonly string[]> = {
  '/feed?channel=a': ['a'],
  '/feed?channel=b': ['b'],
  '/feed?channel=a&channel=b&channel=c': CHANNELS,
  '/job': ['job'],
}
const PATHS = Object.keys(STREAMS)
const CLIENTS = 60
/** Values of the job, one every 20 ms: it outlives the first process that runs it. */
const LAST = 400
const WITHIN = 2_000
/** Milliseconds within which all clients are to have all of it. */
const PATIENCE = 8_000

/** docs/deployment/haproxy.cfg with a third server, a port without TLS, and checks that notice soon. */
function balancing(folder: string, ports: Record<'tls' | 'plain' | 'one' | 'two' | 'three', number>): string[] {
  const server = (name: 'one' | 'two' | 'three') =>
    `server ${name} 127.0.0.1:${ports[name]} check inter 200 fall 1 rise 1`
  const file = webOn(folder, ports.tls, {
    'default_backend app': `bind 127.0.0.1:${ports.plain}\n    default_backend app`,
    'server one 127.0.0.1:3000 check': server('one'),
    'server two 127.0.0.1:3001 check': `${server('two')}\n    ${server('three')}`,
  })
  return ['-db', '-f', file]
}

/** Publishes to each channel, one event after another, until it is told to stop. What it tells then is the oracle. */
function publishing(url: string): () => Promise<Seen> {
  const pubsub = new PubSub({ plugin: redisPlugin({ url }) })
  let isOver = false
  const publish = async (channel: string) => {
    const taken: number[] = []
    for (let n = 0; !isOver; n++) {
      await pubsub.publish({ channel, n }, { channel })
      taken.push(n)
      await setTimeout(30)
    }
    return [channel, taken] as const
  }
  const published = Promise.all(CHANNELS.map(publish))
  published.catch(() => {}) // until it is asked for
  return async () => {
    isOver = true
    const log = Object.fromEntries(await published)
    await pubsub.close()
    return log
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1)
const count = (all: readonly Seen[]) => all.flatMap(seen => Object.values(seen).flat()).length

describeProgram(haproxy, path => {
  test('three processes are restarted one after another under load: every client gets everything, once and in order, and no error', async () => {
    await using redis = await startRedis()
    const ports = await freePorts(['tls', 'plain', 'one', 'two', 'three'])
    const env = { REDIS_URL: redis.url, WITHIN: `${WITHIN}`, LAST: `${LAST}` }
    await using servers = await RollingServers.start([ports.one, ports.two, ports.three], env)
    const folder = temporaryFolder()
    await using _ = await startProxy(path, balancing(folder, ports), [ports.tls, ports.plain], folder)

    await using page = await RollingPage.open(`https://127.0.0.1:${ports.tls}/`, PATHS)
    const paths = Array.from({ length: CLIENTS }, (_, n) => PATHS[n % PATHS.length] as string)
    const clients = paths.map(path => new Client(`http://127.0.0.1:${ports.plain}${path}`))
    await Promise.all(clients.map(({ opened }) => opened))

    const stop = publishing(redis.url)
    const stops = await servers.restartEach()
    const log: Seen = { ...(await stop()), job: [...upTo(LAST), 'stream-end'] }

    const expected = [...paths, ...PATHS].map(path =>
      Object.fromEntries((STREAMS[path] ?? []).map(channel => [channel, log[channel] ?? []])),
    )
    const seen = async () => [...clients.map(({ seen }) => seen), ...(await page.seen())]
    const late = Date.now() + PATIENCE
    await until(async () => count(await seen()) >= count(expected) || Date.now() > late)
    for (const client of clients) client.close()

    expect(await seen()).toEqual(expected)
    const faults = { clients: clients.flatMap(({ faults }) => faults), page: page.faults }
    expect(faults).toEqual({ clients: [], page: [] })
    const closing = { status: 'unready', reasons: [{ check: 'closing' }] }
    expect(stops).toEqual(stops.map(() => ({ health: closing, exit: [0, null] })))
    expect(new Set(clients.flatMap(({ by }) => [...by])).size).toBeGreaterThan(1)
    expect(Math.min(...CHANNELS.map(channel => log[channel]?.length ?? 0))).toBeGreaterThan(100)
  }, 60_000)
})
