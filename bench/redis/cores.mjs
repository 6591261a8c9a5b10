// What do more processes give on one machine: one server, two on ports of their own, or two workers of node:cluster on one port?
import { EVENTFEED } from './apps.mjs'
import { median, ROUNDS, round, table } from './measure.mjs'
import { clustered, openStage, publisherOf, separate } from './stage.mjs'

const SETS = {
  '1 process': url => separate(EVENTFEED, url, 1),
  '2 processes': url => separate(EVENTFEED, url, 2),
  'node:cluster, 2 workers': url => clustered(EVENTFEED, url, 2),
}

const paces = short => ({
  '20 a second': stage => stage.rate(20, short ? 2 : 40),
  '200 a second': stage => stage.rate(200, short ? 20 : 400),
  '2,000 a second': stage => stage.rate(2_000, short ? 200 : 4_000),
  '100 at once, again and again': stage => stage.batches(100, short ? 200 : 4_000),
})

export default async function cores(redis, { short }) {
  const number = short ? 20 : 1_000
  const stages = []
  for (const set of Object.keys(SETS)) stages.push({ set, stage: await opened(redis, set, number) })
  await redis.rest(short ? 100 : 2_000)
  for (const [pace, run] of Object.entries(paces(short))) {
    const rows = await compared(stages, run, short ? 0 : ROUNDS)
    table(`${round(number)} clients of one channel in all, messages of 100 B: ${pace}`, rows(number))
  }
  for (const { stage } of stages) await stage.end()
}

async function opened(redis, set, number) {
  const channel = `news-${Object.keys(SETS).indexOf(set)}`
  const publisher = await publisherOf(EVENTFEED, redis.url, channel)
  return openStage(redis, { channel, publisher, servers: await SETS[set](redis.url), number })
}

async function compared(stages, run, rounds) {
  const results = stages.map(() => [])
  for (let n = 0; n <= rounds; n++) {
    for (const [index, { stage }] of stages.entries()) results[index].push(await run(stage))
  }
  return number => stages.map(({ set }, index) => rowOf(set, number, median(results[index].slice(rounds && 1))))
}

const rowOf = (set, number, { rate, redisCpu, cpu, allCpu, p50, p99, busy }) => ({
  servers: set,
  'messages a second': round(rate, 0),
  'received a second, in all': round(rate * number, 0),
  'until the last client has it, ms: median, p99': `${round(p50)}, ${round(p99)}`,
  'CPU of a server for a message, µs': round(cpu, 0),
  'of all servers, for each client that receives it': round(allCpu / number, 2),
  'the busiest server, % of a core': round((cpu * rate) / 10_000, 0),
  'the clients': round(busy * 100, 0),
  'CPU of Redis for a message, µs': round(redisCpu),
})
