// What does publishing cost, beside a bare PUBLISH?
import { Redis } from 'ioredis'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table } from './measure.mjs'

const CASES = [
  { bytes: 100, inFlight: 1, count: 3_000 },
  { bytes: 100, inFlight: 100, count: 10_000 },
  { bytes: 10_240, inFlight: 1, count: 2_000 },
  { bytes: 10_240, inFlight: 100, count: 5_000 },
]

export default async function publish(redis) {
  const bare = new Redis(redis.url)
  const pubsub = new PubSub({ plugin: redisPlugin({ url: redis.url }) })
  await pubsub.ready()
  const ways = {
    PUBLISH: data => bare.publish('bare', data),
    redisPlugin: data => pubsub.publish(data, { channel: 'news' }),
  }
  const rows = []
  for (const { bytes, inFlight, count } of CASES) {
    const data = 'x'.repeat(bytes)
    for (const send of Object.values(ways)) await burst(redis, 1_100, 50, () => send(data)) // the history is full after that
    const results = { PUBLISH: [], redisPlugin: [] }
    for (let n = 0; n < ROUNDS; n++) {
      for (const [way, send] of Object.entries(ways))
        results[way].push(await burst(redis, count, inFlight, () => send(data)))
    }
    rows.push(...rowsOf({ bytes, inFlight }, median(results.PUBLISH), median(results.redisPlugin)))
  }
  table('One process, one channel, nobody subscribed: microseconds for each publish', rows)
  await pubsub.close()
  bare.disconnect()
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
