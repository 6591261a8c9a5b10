// What does a run cost that processes share: its events, and while nothing happens?
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout } from 'node:timers/promises'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table } from './measure.mjs'
import { startWorker } from './worker.mjs'

const LONG = { events: 5_000, number: 100, ms: 10_000 }
const SHORT = { events: 100, number: 10, ms: 2_000 }
const DATA = 'x'.repeat(94)

export default async function runs(redis, { short }) {
  const sizes = short ? SHORT : LONG
  table(`One run of ${round(sizes.events)} events of 100 B, as one viewer sees it`, await busy(redis, sizes))
  table(`${sizes.number} runs that are silent, each watched in so many processes`, await silent(redis, sizes))
}

async function busy(redis, { events }) {
  const plugins = { mittPlugin: mittPlugin(), redisPlugin: redisPlugin({ url: redis.url }) }
  const servers = {}
  for (const [name, plugin] of Object.entries(plugins)) servers[name] = await serve(plugin, events)
  const results = { mittPlugin: [], redisPlugin: [] }
  for (let n = 0; n <= ROUNDS; n++) {
    for (const [name, { port }] of Object.entries(servers)) {
      const { clock, cpu, redisCpu } = await burst(redis, 1, 1, () => watchRows(port, events, n))
      if (n > 0) results[name].push({ clock, cpu, redisCpu })
    }
  }
  for (const { sse } of Object.values(servers)) await sse.close()
  return Object.entries(results).map(([plugin, rounds]) => {
    const { clock, cpu, redisCpu } = median(rounds)
    return {
      plugin,
      'events a second': round((events * 1e6) / clock),
      'CPU of the process for an event, µs': round(cpu / events),
      'CPU of Redis for an event, µs': plugin === 'mittPlugin' ? '' : round(redisCpu / events),
    }
  })
}

async function silent(redis, { number: runs, ms }) {
  const workers = []
  const rows = []
  for (const number of [1, 2]) {
    const worker = await startWorker(import.meta.url)
    workers.push(worker)
    await worker.call('watchAll', redis.url, runs)
    await setTimeout(2_000)
    const before = [await redis.scripts(), await redis.cpu()]
    await setTimeout(ms)
    const calls = (await redis.scripts()).calls - before[0].calls
    const cpu = (await redis.cpu()) - before[1]
    rows.push({
      processes: number,
      'scripts a second and run': round((calls * 1_000) / ms / runs),
      'CPU of Redis a script, µs': round(cpu / calls),
      'for 1,000 runs, of a core of Redis': `${round((cpu / ms / 1_000) * (1_000 / runs) * 100, 1)} %`,
    })
  }
  for (const worker of workers) await worker.end()
  return rows
}

async function serve(plugin, events = 0) {
  const rows = function* () {
    for (let n = 0; n < events; n++) yield `${n}:${DATA}`
  }
  const sse = new SseRouter({ plugin })
  const share = ctx => ctx.path
  sse.streamGen('/rows/:id', rows, { share, pace: 'nobody' })
  sse.streamGen('/silent/:id', still, { share })
  const listener = new Koa().use(sse.routes()).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return { sse, port: listener.address().port }
}

async function* still({ signal }) {
  yield 'begun'
  await once(signal, 'abort')
}

async function watchRows(port, events, n) {
  const text = await watch(port, `/rows/${n}`, 'event: stream-end')
  const numbers = [...text.matchAll(/^data: (\d+):/gm)].map(([, number]) => Number(number))
  if (numbers.length === events && numbers.every((number, index) => number === index)) return
  throw new Error(`The viewer had ${numbers.length} rows of ${events}, or not in order`)
}

/** Resolves once the stream has had an end, to all that it had. */
function watch(port, path, end) {
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return new Promise(resolve => {
    const chunks = []
    socket.on('data', chunk => {
      chunks.push(chunk)
      if (chunks.slice(-2).join('').includes(end)) resolve(chunks.join(''))
    })
  })
}

// In a process of its own:

export async function watchAll(url, number) {
  const { port } = await serve(redisPlugin({ url }))
  for (let n = 0; n < number; n++) await watch(port, `/silent/${n}`, 'data: begun')
}
