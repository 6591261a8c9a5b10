// What do clients cost Redis and their server: two connections for a process, or one for each client?
import { EVENTFEED, FLASK_SSE, PASS_THROUGH } from './apps.mjs'
import { median, ROUNDS, round, table } from './measure.mjs'
import { emptied } from './server.mjs'
import { openStage, publisherOf, separate } from './stage.mjs'

const WAYS = [EVENTFEED, FLASK_SSE, PASS_THROUGH]

// As many messages as take about a second: one by one, and 100 at once.
const COUNTS = {
  [EVENTFEED]: { 1: [1_000, 10_000], 100: [500, 5_000], 1000: [100, 2_000] },
  others: { 1: [1_000, 10_000], 100: [200, 1_000], 1000: [20, 100] },
}

export default async function connections(redis, { short }) {
  const rows = []
  for (const number of short ? [20] : [1, 100, 1_000]) rows.push(...(await compared(redis, number, short)))
  table('Clients of one channel in one process: what is open, and CPU for each message in µs (beside the first)', rows)
}

async function compared(redis, number, short) {
  await emptied(redis)
  const stages = []
  for (const way of WAYS) stages.push(await opened(redis, way, number, short ? 100 : 5_000))
  await redis.rest(short ? 100 : 2_000)
  const rounds = stages.map(() => ({ one: [], many: [] }))
  for (let n = 0; n <= (short ? 0 : ROUNDS); n++) {
    for (const [index, { stage, way }] of stages.entries()) {
      const [one, many] = short ? [5, 20] : (COUNTS[way] ?? COUNTS.others)[number]
      rounds[index].one.push(await stage.batches(1, one))
      rounds[index].many.push(await stage.batches(Math.min(100, many), many))
    }
  }
  for (const { stage } of stages) await stage.end()
  const costs = rounds.map(({ one, many }) => ({ one: middle(one), many: middle(many) }))
  return stages.map((stage, index) => rowOf(number, stage, costs[index], costs[0]))
}

const middle = rounds => median(rounds.length > 1 ? rounds.slice(1) : rounds) // the first one warms up

// `ms`: after so many, buffers have been given back.
async function opened(redis, way, number, ms) {
  const channel = `news-${WAYS.indexOf(way)}`
  const publisher = await publisherOf(way, redis.url, channel)
  const before = [await redis.clients(), await redis.memory(ms)]
  const servers = await separate(way, redis.url, 1)
  const stage = await openStage(redis, { channel, publisher, servers, number })
  return {
    ...{ way, stage },
    subscriptions: await redis.subscribers(way === EVENTFEED ? `eventfeed:{${channel}}` : channel),
    connections: (await redis.clients()) - before[0],
    memory: [(await redis.memory()) - before[1], (await redis.memory(ms)) - before[1]],
  }
}

function rowOf(number, { way, connections, subscriptions, memory }, { one, many }, base) {
  const beside = (cost, first) => `${round(cost)} (${round(cost / first)})`
  return {
    clients: round(number),
    way,
    'connections to Redis': round(connections, 0),
    'SUBSCRIBE in Redis': round(subscriptions, 0),
    'memory of Redis for them, KB: new, at rest':
      number < 100 ? '' : memory.map(bytes => round(bytes / 1_024, 0)).join(', '), // few are lost in the noise
    'Redis, one by one': beside(one.redisCpu, base.one.redisCpu),
    'Redis, 100 at once': beside(many.redisCpu, base.many.redisCpu),
    'the server, one by one': beside(one.cpu, base.one.cpu),
    'the server, 100 at once': beside(many.cpu, base.many.cpu),
    'messages a second to all, one by one': round(one.rate, 0),
    '100 at once': round(many.rate, 0),
  }
}
