// What does a channel's history take in Redis, and how long is Redis busy with reading it?
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table } from './measure.mjs'

const casesOf = counts => counts.flatMap(count => [100, 1_024].map(bytes => ({ count, bytes })))

export default async function history(redis, { short }) {
  const rows = []
  for (const sizes of casesOf(short ? [100] : [100, 1_000, 10_000])) rows.push(await measured(redis, sizes))
  table('A full history, and reading all of it', rows)
}

async function measured(redis, { count, bytes }) {
  const plugin = redisPlugin({ url: redis.url, history: { count, age: 3_600_000 }, timeout: 30_000 })
  await plugin.ready()
  const message = { data: 'x'.repeat(bytes) }
  const first = await plugin.publish('news', message)
  await burst(redis, count, 50, () => plugin.publish('news', message))
  const read = async () => {
    const result = await plugin.read('news', first, count)
    if (!result.ok) throw new Error(`It read ${result.reason}`)
    checkSequence(result.entries, count)
  }
  const times = []
  await burst(redis, 5, 1, read)
  for (let n = 0; n < ROUNDS; n++) times.push(await burst(redis, 20_000 / count, 1, read))
  const { redisCpu, script, cpu } = median(times)
  const full = await redis.memory()
  await redis.admin.del('eventfeed:{news}:log')
  const memory = full - (await redis.memory())
  await plugin.close()
  await redis.admin.flushall()
  return {
    entries: round(count),
    bytes: round(bytes),
    'in Redis, KB': round(memory / 1_024, 0),
    'bytes an entry': round(memory / count, 0),
    'Redis busy with a read, ms': round(redisCpu / 1_000, 2),
    'of it the script, ms': round(script / 1_000, 2),
    'CPU of the process, ms': round(cpu / 1_000, 2),
  }
}

function checkSequence(entries, count) {
  const isWhole = entries.every(({ position }, n) => position.offset === entries[0].position.offset + n)
  if (entries.length !== count || !isWhole)
    throw new Error(`It read ${entries.length} entries of ${count}, or not in order`)
}
