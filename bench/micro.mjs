// What the innermost parts cost: the encoder, a channel's log, and joining. After `npm run build`: node bench/micro.mjs [ms for each]
import process from 'node:process'
import { Bench } from 'tinybench'
import { mittPlugin } from '../dist/plugins/mitt/index.js'
import { encodeEvent } from '../dist/src/encoder.js'
import { Log } from '../dist/src/log.js'
import { PubSub } from '../dist/src/pubsub.js'
import { table } from './report/table.mjs'

const LENGTHS = [100, 1_000, 10_000]
const MB = 1_048_576

const time = Number(process.argv[2] ?? 300)
const bench = new Bench({ time, warmupTime: Math.min(100, time) })

const id = 'Yk3xEpoch.12345.AAAAAAAABBBBBBBB'
const messages = {
  '200 bytes of JSON': { id, data: JSON.stringify({ text: 'x'.repeat(189) }) },
  '200 bytes in 10 lines': { id, data: Array.from({ length: 10 }, () => 'x'.repeat(19)).join('\n') },
  '4 KB of JSON': { id, event: 'page', data: JSON.stringify({ text: 'x'.repeat(4_085) }) },
}
for (const [name, message] of Object.entries(messages))
  bench.add(`encode ${name}`, () => Buffer.byteLength(encodeEvent(message))) // a text is put together when it is used

const tagOf = offset => offset.toString(36).padStart(8, '0')
const positionAt = offset => ({ epoch: 'epoch', offset, parent: tagOf(offset - 1), tag: tagOf(offset) })
const message = messages['200 bytes of JSON']
const entryAt = offset => ({ position: positionAt(offset), message: { data: message.data } })

function logOf(length, maxBytes = 16 * MB) {
  const log = new Log(positionAt(0), maxBytes)
  for (let offset = 1; offset <= length; offset++) log.append(entryAt(offset))
  return log
}

let full = logOf(10_000, MB)
bench.add('append to a full log of 1 MB', () => full.append(entryAt(full.top.offset + 1)), {
  afterAll: () => {
    full = logOf(10_000, MB)
  },
})
for (const length of LENGTHS) {
  const log = logOf(length)
  const back = positionAt(length - 10)
  const places = [log.placeAfter(back), log.placeAfter(positionAt(length - 11))]
  let turn = 0
  bench.add(`find the place 10 events back, in a log of ${length}`, () => log.placeAfter(back))
  // Two in turns: the last range is kept for the next who asks.
  bench.add(`cut what follows it, in a log of ${length}`, () => log.rangeFrom(places[turn++ % 2]))
}

for (const length of LENGTHS) {
  const { pubsub, left, kept } = await published(length)
  bench.add(`join 10 events back, in a log of ${length}`, () => join(pubsub, 'kept', kept.at(-11)))
  bench.add(`join and get all of a log of ${length}`, () => join(pubsub, 'kept', kept[0]))
  bench.add(`join 10 events back, from a history of ${length}`, () => join(pubsub, 'left', left.at(-11)))
}

await bench.run()
console.log(`Node ${process.versions.node}\n`)
const lines = bench.tasks.map(({ name, result }) => [name, ...figures(result)])
console.log(table(['', 'ns, median', 'ns, 99 %', 'a second'], lines))
process.exit(bench.tasks.some(({ result }) => result.error) ? 1 : 0)

function figures({ error, latency, throughput }) {
  if (error) return [String(error), '', '']
  return [latency.p50 * 1e6, latency.p99 * 1e6, throughput.mean].map(number => Math.round(number).toLocaleString('en'))
}

/** The ids of two channels: one has somebody who follows it, and so a log; the other has its history only. */
async function published(length) {
  const history = { count: 20_000, size: 16 * MB }
  const pubsub = new PubSub({ plugin: mittPlugin({ history }), maxLog: 16 * MB })
  await new Promise(resolve => pubsub.follow('kept', follower(resolve), undefined))
  const ids = { pubsub, left: [], kept: [] }
  for (let n = 0; n < length; n++) {
    for (const channel of ['left', 'kept']) ids[channel].push(await pubsub.publish(message.data, { channel }))
  }
  return ids
}

function follower(live = () => {}) {
  const take = () => {}
  const reset = ({ reason }) => {
    throw new Error(`A hole: ${reason}`)
  }
  return { ready: true, whenBehind: 'catch-up', take, replay: take, joined: take, live, reset, fail: reset }
}

/** Until all that was missed has been given. */
function join(pubsub, channel, lastEventId) {
  return new Promise(resolve => {
    const live = cursor => {
      cursor.close()
      resolve()
    }
    pubsub.follow(channel, follower(live), lastEventId)
  })
}
