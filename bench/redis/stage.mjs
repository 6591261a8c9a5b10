// Servers, their clients and a publisher: what is needed to see what a message costs from its publisher to the last client.
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { clock } from '../client/tally.mjs'
import { EVENTFEED } from './apps.mjs'
import { startWorker } from './worker.mjs'

const PAD = 'x'.repeat(56) // a message has some 100 bytes

/** Processes of servers: `ports`, the microseconds of CPU of each, and how they end. */
export async function separate(way, url, number) {
  const servers = await Promise.all(Array.from({ length: number }, () => startWorker(moduleOf('apps'))))
  const ports = await Promise.all(servers.map(server => server.call('serve', way, url)))
  const cpus = () => Promise.all(servers.map(server => server.cpu()))
  return { ports, cpus, end: () => Promise.all(servers.map(server => server.end())) }
}

/** The same by node:cluster, on one port; its primary is not counted, as it has nothing to do with messages. */
export async function clustered(way, url, number) {
  const primary = await startWorker(moduleOf('cluster'))
  const port = await primary.call('serve', way, url, number)
  return { ports: [port], cpus: () => primary.call('cpus'), end: primary.end }
}

/** Puts clients before servers. Each stage has a channel of its own. */
export async function openStage(redis, { channel, publisher, servers, number }) {
  const clients = await startWorker(moduleOf('clients'))
  await clients.call('attach', servers.ports, `/${channel}`, number)
  const stage = { redis, servers, clients, publisher, number, sent: 0 }
  const end = () => Promise.all([servers.end(), clients.end(), publisher.close()])
  return { ...pacesOf(stage), end }
}

const moduleOf = name => new URL(`./${name}.mjs`, import.meta.url).href

/** Publishes on one channel, from this process. */
export async function publisherOf(way, url, channel) {
  if (way !== EVENTFEED) {
    const redis = new Redis(url)
    await redis.ping()
    const publish = data => redis.publish(channel, JSON.stringify({ data }))
    return { publish, close: () => redis.disconnect() }
  }
  const pubsub = new PubSub({ plugin: redisPlugin({ url }) })
  await pubsub.ready()
  return { publish: data => pubsub.publish(data, { channel }), close: () => pubsub.close() }
}

const pacesOf = stage => ({
  /** So many at once, and once every client has them the next. */
  batches: (batch, count) => measured(stage, count, () => inBatches(stage, batch, count)),
  /** So many a second, whether they have been received or not. */
  rate: (hz, count) => measured(stage, count, () => atRate(stage, hz, count)),
})

async function inBatches(stage, batch, count) {
  for (let left = count; left > 0; left -= batch) {
    await Promise.all(Array.from({ length: Math.min(batch, left) }, () => send(stage)))
    await stage.clients.call('reached', stage.sent - 1)
  }
}

async function atRate(stage, hz, count) {
  const began = performance.now()
  const sent = []
  while (sent.length < count) {
    const due = ((performance.now() - began) * hz) / 1_000
    while (sent.length < Math.min(due, count)) sent.push(send(stage))
    await setTimeout(began + (sent.length * 1_000) / hz - performance.now())
  }
  await Promise.all(sent)
  await stage.clients.call('reached', stage.sent - 1)
}

const send = stage => stage.publisher.publish({ seq: stage.sent++, ts: clock(), pad: PAD })

// What it took: microseconds of CPU for each message, in each server and in Redis, there without what it uses at rest.
async function measured({ redis, servers, clients, number }, count, publish) {
  await clients.call('begin')
  const before = await servers.cpus()
  const redisBefore = await redis.cpu()
  const began = performance.now()
  await publish()
  const ms = performance.now() - began
  const redisCpu = ((await redis.cpu()) - redisBefore - redis.atRest * ms) / count
  const after = await servers.cpus()
  const cpus = after.map((cpu, n) => (cpu - before[n]) / count)
  const { p50, p99, busy, ...seen } = await clients.call('seen')
  checkSequences(seen, number, count)
  return {
    ms,
    redisCpu,
    cpu: Math.max(...cpus),
    allCpu: cpus.reduce((a, b) => a + b),
    rate: (count / ms) * 1_000,
    p50,
    p99,
    busy,
  }
}

// Each client has had each message once, in order, and nothing but what opened its stream besides.
function checkSequences({ events, gaps, doubles, broken, holes }, number, count) {
  if (events === number * count && gaps + doubles + broken === 0 && holes === number) return
  const wrong = { expected: number * count, events, gaps, doubles, broken, holes: holes - number }
  throw new Error(`The clients' sequences are wrong: ${JSON.stringify(wrong)}`)
}
