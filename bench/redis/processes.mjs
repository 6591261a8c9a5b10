// What does one more process cost that has subscribed to a channel, and how much do processes receive in all?
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table, until } from './measure.mjs'
import { emptied } from './server.mjs'
import { startWorker } from './worker.mjs'

const DATA = 'x'.repeat(100)
const COUNT = 2_000
const MS = 3_000

export default async function processes(redis) {
  table('One process publishes 100 B on one channel, others have subscribed to it', await fanOut(redis))
  await emptied(redis)
  table('Processes that publish on one channel, each 20 at once, and have all subscribed to it', await together(redis))
}

async function fanOut(redis) {
  const pubsub = new PubSub({ plugin: redisPlugin({ url: redis.url }) })
  const workers = []
  const rows = []
  for (const number of [0, 1, 2, 4, 8]) {
    while (workers.length < number) workers.push(await follower(redis, 'news'))
    rows.push({ number, ...(await costs(redis, pubsub, workers)) })
  }
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

async function costs(redis, pubsub, workers) {
  const rounds = { one: [], many: [] }
  for (let n = 0; n <= ROUNDS; n++) {
    rounds.one.push(await cost(redis, pubsub, workers, 1))
    rounds.many.push(await cost(redis, pubsub, workers, 20))
  }
  return { one: median(rounds.one.slice(1)), many: median(rounds.many.slice(1)) }
}

async function cost(redis, pubsub, workers, inFlight) {
  const messages = COUNT * workers.length
  const before = await sum(workers, 'received')
  const cpu = await sum(workers, 'cpu')
  const arrived = () => until(async () => (await sum(workers, 'received')) - before >= messages, 50)
  const send = () => pubsub.publish(DATA, { channel: 'news' })
  const { redisCpu } = await burst(redis, COUNT, inFlight, send, workers.length > 0 ? arrived : undefined)
  return { redisCpu, follower: workers.length && ((await sum(workers, 'cpu')) - cpu) / messages }
}

async function together(redis) {
  const rows = []
  for (const number of [1, 2, 4]) {
    const workers = []
    while (workers.length < number) workers.push(await follower(redis, 'all'))
    const cpu = await redis.cpu()
    const received = await sum(workers, 'received')
    const published = (await Promise.all(workers.map(worker => worker.call('publish', 'all', MS)))).reduce(
      (a, b) => a + b,
    )
    const messages = (await sum(workers, 'received')) - received
    const busy = (await redis.cpu()) - cpu
    rows.push({
      processes: number,
      'publishes a second, in all': round((published * 1_000) / MS),
      'messages received a second, in all': round((messages * 1_000) / MS),
      'Redis is busy, % of a core': round(busy / MS / 10, 0),
    })
    for (const worker of workers) await worker.end()
  }
  return rows
}

async function follower({ url }, channel) {
  const worker = await startWorker(import.meta.url)
  await worker.call('follow', url, channel)
  return worker
}

const sum = async (workers, name) =>
  (await Promise.all(workers.map(worker => worker.call(name)))).reduce((a, b) => a + b, 0)

// In a process of its own:

let pubsub
let count = 0

export async function follow(url, channel) {
  pubsub = new PubSub({ plugin: redisPlugin({ url }) })
  const events = pubsub.subscribe(channel)
  await events.ready
  void pull(events)
}

async function pull(events) {
  for await (const { data } of events) count += data ? 1 : 0
}

export const received = () => count

export async function publish(channel, ms) {
  const end = performance.now() + ms
  let published = 0
  const lane = async () => {
    for (; performance.now() < end; published++) await pubsub.publish(DATA, { channel })
  }
  await Promise.all(Array.from({ length: 20 }, lane))
  return published
}
