import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Stats } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { until } from '../redis/until.js'
import { Child } from './child.js'
import type { Transcript } from './transcript.js'

const PLACES = 500
const GOOD = 50
const SLOW = 500
const RATE = 50
const CONNECTS = [4_000, 6_000] as const
const AT_ONCE = 300

/** Milliseconds within which everyone is to be told, on a machine that is busy with the flood. */
const LIMIT = 10_000

// What docs/operations.md says of slow senders, with shorter times.
const http = { headersTimeout: 1_500, requestTimeout: 2_000, connectionsCheckingInterval: 250 }

/**
 * What the server may take above what it had: for each place what may wait for its client and 32 KiB for itself, 32 KiB for each
 * connection without a place, the log of a channel, and 48 MiB for V8 to collect garbage in.
 */
const BOUND = PLACES * (65_536 + 32_768) + (SLOW + AT_ONCE) * 32_768 + 1_048_576 + 48 * 1_048_576

interface Memory {
  readonly heap: number
  readonly peak: number
}

interface Storm {
  readonly admitted: number
  readonly sentAway: number
  readonly broken: readonly string[]
}

interface Entry {
  readonly n: number
  readonly by: number
  readonly at: number
}

/** What was done, and what the server said of itself meanwhile. */
interface Flood {
  readonly storms: readonly Storm[]
  readonly memory: readonly Memory[]
  readonly log: readonly Entry[]
  readonly statuses: Readonly<Record<string, number>>
  readonly stats: Stats
}

const children: Child[] = []
const errors: unknown[] = []
let flood: Flood
let transcripts: readonly Transcript[]
let server: Child
let load: Child
let clients: Child

async function start(file: string, options: object): Promise<Child> {
  const child = await Child.start(file, options, (_, error) => errors.push(error))
  children.push(child)
  return child
}

/** Everything at once: clients that behave, senders of slow headers, who publishes ten times too much, and two storms of connects. */
async function run(): Promise<Flood> {
  const memory = [await server.call<Memory>('memory')]
  const storms: Storm[] = []
  await load.call('drip', SLOW)
  await load.call('publish', 10, RATE * 10)
  for (const count of CONNECTS) {
    storms.push(await load.call('storm', count, AT_ONCE))
    memory.push(await server.call('memory'))
  }
  const published = await load.call<Pick<Flood, 'log' | 'statuses'>>('stop')
  return { storms, memory, ...published, stats: await server.call('stats') }
}

beforeAll(async () => {
  server = await start('flood-server', { places: PLACES, rate: RATE, http })
  load = await start('flood-load', { port: server.ready })
  clients = await start('clients', { seed: 1 })
  await clients.call('open', { count: GOOD, channels: ['news'], at: [server.ready], ms: LIMIT })
  flood = await run()
  const id = await server.call<string>('publish', { n: 0, by: 'the server' })
  await clients.call('until', { news: id }, LIMIT)
  transcripts = await clients.call('close')
}, 60_000)

afterAll(() => Promise.all(children.map(child => child.end('SIGKILL'))))

describe(`a server with ${PLACES} places, under 10,000 connects, slow senders of headers, and posts at ten times the rate,`, () => {
  test('fills its places and sends everyone else away in good order', () => {
    const [first, second] = flood.storms
    expect(flood.storms.map(({ admitted }) => admitted)).toEqual([PLACES - GOOD, 0])
    expect([first?.sentAway, second?.sentAway]).toEqual([CONNECTS[0] - (PLACES - GOOD), CONNECTS[1]])
    expect(flood.storms.flatMap(({ broken }) => broken)).toEqual([])
  })

  test('counts whom it admitted, sent away and refused as they do themselves', () => {
    const { stats, statuses, log, storms } = flood
    const sentAway = storms.reduce((sum, storm) => sum + storm.sentAway, 0)
    expect(stats).toMatchObject({ connections: PLACES, accepted: PLACES, ended: {}, published: log.length })
    expect(stats.refused).toEqual({ connections: sentAway, rate: statuses[429], size: statuses[413] })
    expect(log).toHaveLength(statuses[200] ?? 0)
    expect(statuses[429]).toBeGreaterThan(2 * log.length)
  })

  test('gives each client that behaves every event that was taken, once, in order and in time', () => {
    const published = new Map(flood.log.map(entry => [`${entry.by} ${entry.n}`, entry]))
    const [first = [], ...others] = transcripts.map(({ records }) => records.filter(({ type }) => type === 'event'))
    const dataOf = (records: typeof first) => records.map(record => ('data' in record ? record.data : ''))
    const events = dataOf(first).map(data => JSON.parse(data) as Entry)
    expect(new Set(transcripts.flatMap(({ records }) => records.map(({ type }) => type)))).toEqual(
      new Set(['connect', 'open', 'event']), // nobody was cut, nor told of a hole
    )
    expect(events).toHaveLength(flood.log.length + 1)
    for (const by of new Set(flood.log.map(entry => entry.by))) {
      const taken = flood.log.filter(entry => entry.by === by)
      expect(events.filter(event => event.by === by).map(({ n }) => n)).toEqual(taken.map(({ n }) => n))
    }
    for (const records of others) expect(dataOf(records)).toEqual(dataOf(first))
    const delays = [first, ...others].flatMap(records =>
      records.slice(0, -1).map(({ at }, n) => at - (published.get(`${events[n]?.by} ${events[n]?.n}`)?.at ?? 0)),
    )
    expect(Math.max(...delays)).toBeLessThan(5_000)
  })

  test('takes no more memory than its bounds allow, and keeps nothing of whom it sent away', () => {
    const [before, half, full] = flood.memory as [Memory, Memory, Memory]
    expect(full.peak - before.peak).toBeLessThan(BOUND)
    expect(full.heap - half.heap).toBeLessThan(CONNECTS[1] * 200)
  })

  test('cuts off who never comes to the end of the headers, again and again', async () => {
    const dropped = () => load.call<Record<string, number>>('dropped')
    await until(async () => ((await dropped())[408] ?? 0) >= SLOW)
    expect(Object.keys(await dropped()).filter(end => end !== '408' && end !== 'none')).toEqual([]) // a reset may come first
  })

  test('has a place for the next client as soon as the flood is over, and the memory back', async () => {
    await load.call('leave')
    await until(async () => (await server.call<Stats>('stats')).connections === 0)
    const next = await openStream(`http://127.0.0.1:${server.ready}/news`)
    expect(await next.next()).toMatchObject({ event: 'stream-open' })
    const { connections, accepted, ended, refused } = await server.call<Stats>('stats')
    expect({ connections, accepted, ended }).toEqual({ connections: 1, accepted: PLACES + 1, ended: { left: PLACES } })
    expect(refused).toEqual(flood.stats.refused)
    const { heap } = await server.call<Memory>('memory')
    expect((flood.memory.at(-1)?.heap ?? 0) - heap).toBeGreaterThan(PLACES * 4_096)
    expect(errors).toEqual([])
    await next.close()
  })
})
