// What does one more process cost that has subscribed to a channel, and how much do processes receive in all?
import process from 'node:process'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table, until } from './measure.mjs'
import { emptied } from './server.mjs'
import { startWorker } from './worker.mjs'

const LONG = { fanOut: [0, 1, 2, 4, 8], together: [1, 2, 4], count: 2_000, ms: 3_000 }
const SHORT = { fanOut: [0, 1, 2], together: [1, 2], count: 100, ms: 200 }
const PAD = 'x'.repeat(85)

export default async function processes(redis, { short }) {
  const sizes = short ? SHORT : LONG
  table('One process publishes 100 B on one channel, others have subscribed to it', await fanOut(redis, sizes))
  await emptied(redis)
  const rows = await together(redis, sizes)
  table('Processes that publish on one channel, each 20 at once, and have all subscribed to it', rows)
}

async function fanOut(redis, sizes) {
  const pubsub = new PubSub({ plugin: redisPlugin({ url: redis.url }) })
  const workers = []
  const rows = []
  for (const number of sizes.fanOut) {
    while (workers.length < number) workers.push(await follower(redis, 'news'))
    rows.push({ number, ...(await costs(redis, pubsub, workers, sizes.count)) })
  }
  await checkSequences(workers)
  for (const worker of workers) await worker.end()
  await pubsub.close()
  return rows.map(({ number, one, many }) => ({
    'subscribed processes': number,
    'CPU of Redis for a publish, µs: 1 in flight': round(one.redisCpu),
    '20 in flight': round(many.redisCpu),
    'CPU of a subscribed process for a message, µs: 1 in flight': one.follower ? round(one.follower) : '',
    '20 in flight ': many.follower ? round(many.follower) : '',
  }))
}

async function costs(redis, pubsub, workers, count) {
  const rounds = { one: [], many: [] }
  for (let n = 0; n <= ROUNDS; n++) {
    rounds.one.push(await cost(redis, pubsub, workers, count, 1))
    rounds.many.push(await cost(redis, pubsub, workers, count, 20))
  }
  return { one: median(rounds.one.slice(1)), many: median(rounds.many.slice(1)) }
}

async function cost(redis, pubsub, workers, count, inFlight) {
  const messages = count * workers.length
  const before = await sum(workers, 'received')
  const cpu = await sum(workers, 'cpu')
  const arrived = () => until(async () => (await sum(workers, 'received')) - before >= messages, 50)
  const send = () => pubsub.publish(next(), { channel: 'news' })
  const { redisCpu } = await burst(redis, count, inFlight, send, workers.length > 0 ? arrived : undefined)
  return { redisCpu, follower: workers.length && ((await sum(workers, 'cpu')) - cpu) / messages }
}

async function together(redis, sizes) {
  const { ms } = sizes
  const rows = []
  for (const number of sizes.together) {
    const workers = []
    while (workers.length < number) workers.push(await follower(redis, 'all'))
    const cpu = await redis.cpu()
    const received = await sum(workers, 'received')
    const published = await sum(workers, 'publish', 'all', ms)
    const messages = (await sum(workers, 'received')) - received
    const busy = (await redis.cpu()) - cpu
    rows.push({
      processes: number,
      'publishes a second, in all': round((published * 1_000) / ms),
      'messages received a second, in all': round((messages * 1_000) / ms),
      'Redis is busy, % of a core': round(busy / ms / 10, 0),
    })
    await until(async () => (await sum(workers, 'received')) - received >= published * number, 50)
    await checkSequences(workers)
    for (const worker of workers) await worker.end()
  }
  return rows
}

async function follower({ url }, channel) {
  const worker = await startWorker(import.meta.url)
  await worker.call('follow', url, channel)
  return worker
}

const sum = async (workers, name, ...values) =>
  (await Promise.all(workers.map(worker => worker.call(name, ...values)))).reduce((a, b) => a + b, 0)

async function checkSequences(workers) {
  const wrong = await sum(workers, 'wrong')
  if (wrong > 0) throw new Error(`${wrong} messages were not the one after the one before`)
}

// A message tells who publishes it, and its number there.
let numbered = 0
const next = () => `${process.pid}:${numbered++}:${PAD}`

// In a process of its own:

let pubsub
let count = 0
let unexpected = 0
const expected = new Map()

export async function follow(url, channel) {
  pubsub = new PubSub({ plugin: redisPlugin({ url }) })
  const events = pubsub.subscribe(channel)
  await events.ready
  void pull(events)
}

async function pull(events) {
  for await (const { data } of events) {
    const [from, number] = data.split(':')
    count += 1
    unexpected += Number(number) === (expected.get(from) ?? Number(number)) ? 0 : 1
    expected.set(from, Number(number) + 1)
  }
}

export const received = () => count
export const wrong = () => unexpected

export async function publish(channel, ms) {
  const end = performance.now() + ms
  let published = 0
  const lane = async () => {
    for (; performance.now() < end; published++) await pubsub.publish(next(), { channel })
  }
  await Promise.all(Array.from({ length: 20 }, lane))
  return published
}
