// What does publishing cost, beside a bare PUBLISH? And how much do processes publish together?
import { Redis } from 'ioredis'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table } from './measure.mjs'
import { emptied } from './server.mjs'
import { startWorker } from './worker.mjs'

const CASES = [
  { bytes: 100, inFlight: 1, count: 3_000 },
  { bytes: 100, inFlight: 100, count: 10_000 },
  { bytes: 10_240, inFlight: 1, count: 2_000 },
  { bytes: 10_240, inFlight: 100, count: 5_000 },
]

export default async function publish(redis, { short }) {
  const cases = short ? CASES.map(one => ({ ...one, count: 100 })) : CASES
  table('One process, one channel, nobody subscribed: microseconds for each publish', await alone(redis, cases))
  await emptied(redis)
  const rows = []
  for (const number of [1, 2]) rows.push(await together(redis, number, short ? 200 : 3_000))
  table('Processes that publish 100 B on one channel, each 100 at once', rows)
}

async function alone(redis, cases) {
  const bare = new Redis(redis.url)
  const pubsub = new PubSub({ plugin: redisPlugin({ url: redis.url }) })
  await pubsub.ready()
  let sent = 0
  const ways = {
    PUBLISH: data => bare.publish('bare', data),
    redisPlugin: data => {
      sent += 1
      return pubsub.publish(data, { channel: 'news' })
    },
  }
  const rows = []
  for (const one of cases) rows.push(...(await compared(redis, one, ways)))
  await checkCount(redis, sent)
  await pubsub.close()
  bare.disconnect()
  return rows
}

async function compared(redis, { bytes, inFlight, count }, ways) {
  const data = 'x'.repeat(bytes)
  for (const send of Object.values(ways)) await burst(redis, 1_100, 50, () => send(data)) // the history is full after that
  const results = { PUBLISH: [], redisPlugin: [] }
  for (let n = 0; n < ROUNDS; n++) {
    for (const [way, send] of Object.entries(ways))
      results[way].push(await burst(redis, count, inFlight, () => send(data)))
  }
  return rowsOf({ bytes, inFlight }, median(results.PUBLISH), median(results.redisPlugin))
}

function rowsOf({ bytes, inFlight }, base, ours) {
  return Object.entries({ PUBLISH: base, redisPlugin: ours }).map(([way, { clock, cpu, redisCpu, script }]) => ({
    bytes: round(bytes),
    'in flight': inFlight,
    way,
    'a second': round(1e6 / clock, 0),
    'CPU here': `${round(cpu)} (${round(cpu / base.cpu)})`,
    'CPU of Redis': `${round(redisCpu)} (${round(redisCpu / base.redisCpu)})`,
    'of it the script': script ? round(script) : '',
    'Redis is full at, a second': round(1e6 / redisCpu, 0),
  }))
}

async function together(redis, number, ms) {
  await redis.admin.flushall()
  const workers = await Promise.all(Array.from({ length: number }, () => startWorker(import.meta.url)))
  await Promise.all(workers.map(worker => worker.call('connect', redis.url)))
  await Promise.all(workers.map(worker => worker.call('send', ms / 3))) // warms up
  const before = [await offset(redis), await redis.cpu(), await cpuOf(workers)]
  const began = performance.now()
  await Promise.all(workers.map(worker => worker.call('send', ms)))
  const seconds = (performance.now() - began) / 1_000
  const cpu = [await redis.cpu(), await cpuOf(workers)]
  await checkCount(redis, await sum(workers, 'total'))
  const published = (await offset(redis)) - before[0]
  for (const worker of workers) await worker.end()
  return {
    processes: number,
    'publishes a second, in all': round(published / seconds, 0),
    'CPU of a process for each, µs': round((cpu[1] - before[2]) / published),
    'CPU of Redis': round((cpu[0] - before[1]) / published),
    'Redis is busy, % of a core': round((cpu[0] - before[1]) / seconds / 10_000, 0),
  }
}

const sum = async (workers, name) =>
  (await Promise.all(workers.map(worker => worker.call(name)))).reduce((a, b) => a + b)
const cpuOf = workers => sum(workers, 'cpu')
const offset = async redis => Number(await redis.admin.hget('eventfeed:{news}:meta', 'offset'))

// As many places were given as were asked for, and none twice.
async function checkCount(redis, sent) {
  const given = await offset(redis)
  if (given !== sent) throw new Error(`${sent} messages were published, and Redis has counted ${given}`)
}

// In a process of its own:

let pubsub
let sent = 0
export const total = () => sent

export async function connect(url) {
  pubsub = new PubSub({ plugin: redisPlugin({ url }) })
  await pubsub.ready()
}

export async function send(ms) {
  const end = performance.now() + ms
  const lane = async () => {
    for (; performance.now() < end; sent++) await pubsub.publish('x'.repeat(100), { channel: 'news' })
  }
  await Promise.all(Array.from({ length: 100 }, lane))
}
