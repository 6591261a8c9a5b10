// What does a process pay for many channels, and Redis?
import { setTimeout } from 'node:timers/promises'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { heap, round, table, until } from './measure.mjs'
import { emptied } from './server.mjs'
import { startWorker } from './worker.mjs'

const NEVER = 3_600_000
const LONG = { numbers: [1, 100, 1_000, 10_000], checked: 10_000, verify: 3_000 }
const SHORT = { numbers: [1, 100], checked: 100, verify: 100 }

export default async function channels(redis, { short }) {
  const { numbers, checked, verify } = short ? SHORT : LONG
  const rows = []
  for (const number of numbers) rows.push(await many(redis, number))
  table('One process that follows so many channels', rows)
  table('Silent channels are checked', [await checks(redis, checked, verify)])
}

async function many(redis, number) {
  const worker = await started(redis, NEVER)
  const here = await worker.call('heap')
  const there = await redis.memory()
  const subscribed = await worker.call('follow', number)
  const silent = { here: await worker.call('heap'), there: await redis.memory() }
  const again = await resubscribed(redis, number)
  await worker.call('publish')
  const used = { here: await worker.call('heap'), there: await redis.memory() }
  await worker.end()
  const each = bytes => (number < 100 ? '' : round(bytes / number / 1_024, 1)) // few are lost in the noise
  return {
    channels: round(number),
    'to subscribe, ms': round(subscribed, 0),
    'to subscribe and read again after CLIENT KILL, ms': round(again.ms, 0),
    'CPU of Redis for that, ms': round(again.cpu / 1_000),
    'KB each here, silent': each(silent.here - here),
    'after an event of 100 B': each(used.here - here),
    'KB each in Redis, silent': each(silent.there - there),
    'after one event': each(used.there - there),
  }
}

async function resubscribed(redis, number) {
  const { calls } = await redis.scripts()
  const cpu = await redis.cpu()
  const began = performance.now()
  await redis.admin.client('KILL', 'TYPE', 'pubsub')
  await until(async () => (await redis.scripts()).calls - calls >= number, 5)
  return { ms: performance.now() - began, cpu: (await redis.cpu()) - cpu }
}

async function checks(redis, number, verify) {
  const worker = await started(redis, verify)
  await worker.call('follow', number)
  await setTimeout(verify * 2)
  const before = [await redis.scripts(), await redis.cpu(), await worker.cpu()]
  await setTimeout(verify * 2)
  const count = (await redis.scripts()).calls - before[0].calls
  const redisCpu = ((await redis.cpu()) - before[1]) / count
  const cpu = ((await worker.cpu()) - before[2]) / count
  await worker.end()
  const atRest = micros => `${round(((micros * number) / 30_000_000) * 100, 1)} %`
  return {
    'µs of CPU a check, of Redis': round(redisCpu),
    'of the process': round(cpu),
    'so with verify: 30_000, of a core of Redis': atRest(redisCpu),
    'of one of the process': atRest(cpu),
    channels: round(number),
  }
}

async function started(redis, verify) {
  await emptied(redis)
  const worker = await startWorker(import.meta.url)
  await worker.call('connect', redis.url, verify)
  return worker
}

// In a process of its own:

let pubsub
let followed = []

export async function connect(url, verify) {
  pubsub = new PubSub({ plugin: redisPlugin({ url, verify, timeout: 30_000 }), onError: () => {} })
  await pubsub.ready()
}

/** Resolves to the milliseconds until all are followed. */
export async function follow(number) {
  const began = performance.now()
  followed = Array.from({ length: number }, (_, n) => pubsub.subscribe(`channel-${n}`))
  await Promise.all(followed.map(({ ready }) => ready))
  return performance.now() - began
}

/** An event on each channel; resolves once all have been received. */
export async function publish() {
  const arrived = Promise.all(followed.map(events => events.next()))
  for (let from = 0; from < followed.length; from += 100) {
    const some = followed.slice(from, from + 100)
    await Promise.all(some.map((_, n) => pubsub.publish('x'.repeat(100), { channel: `channel-${from + n}` })))
  }
  await arrived
}

export { heap }

process.setMaxListeners(0)
