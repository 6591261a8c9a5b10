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

const EVENTS = 5_000
const RUNS = 100
const MS = 10_000

export default async function runs(redis) {
  table('One run of 5,000 events of 100 B, as one viewer sees it', await busy(redis))
  table(`${RUNS} runs that are silent, each watched in so many processes`, await silent(redis))
}

async function busy(redis) {
  const servers = { mittPlugin: await serve(mittPlugin()), redisPlugin: await serve(redisPlugin({ url: redis.url })) }
  const results = { mittPlugin: [], redisPlugin: [] }
  for (let n = 0; n <= ROUNDS; n++) {
    for (const [name, { port }] of Object.entries(servers)) {
      const { clock, cpu, redisCpu } = await burst(redis, 1, 1, () => watch(port, `/rows/${n}`, 'event: stream-end'))
      if (n > 0) results[name].push({ clock, cpu, redisCpu })
    }
  }
  for (const { sse } of Object.values(servers)) await sse.close()
  return Object.entries(results).map(([plugin, rounds]) => {
    const { clock, cpu, redisCpu } = median(rounds)
    return {
      plugin,
      'events a second': round((EVENTS * 1e6) / clock),
      'CPU of the process for an event, µs': round(cpu / EVENTS),
      'CPU of Redis for an event, µs': plugin === 'mittPlugin' ? '' : round(redisCpu / EVENTS),
    }
  })
}

async function silent(redis) {
  const workers = []
  const rows = []
  for (const number of [1, 2]) {
    const worker = await startWorker(import.meta.url)
    workers.push(worker)
    await worker.call('watchAll', redis.url, RUNS)
    await setTimeout(2_000)
    const before = [await redis.scripts(), await redis.cpu()]
    await setTimeout(MS)
    const calls = (await redis.scripts()).calls - before[0].calls
    const cpu = (await redis.cpu()) - before[1]
    rows.push({
      processes: number,
      'scripts a second and run': round((calls * 1_000) / MS / RUNS),
      'CPU of Redis a script, µs': round(cpu / calls),
      'for 1,000 runs, of a core of Redis': `${round((cpu / MS / 1_000) * (1_000 / RUNS) * 100, 1)} %`,
    })
  }
  for (const worker of workers) await worker.end()
  return rows
}

async function serve(plugin) {
  const sse = new SseRouter({ plugin })
  const share = ctx => ctx.params.id
  sse.streamGen('/rows/:id', rows, { share, pace: 'nobody' })
  sse.streamGen('/silent/:id', still, { share })
  const listener = new Koa().use(sse.routes()).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return { sse, port: listener.address().port }
}

function* rows() {
  for (let n = 0; n < EVENTS; n++) yield 'x'.repeat(100)
}

async function* still({ signal }) {
  yield 'begun'
  await once(signal, 'abort')
}

/** Resolves once the stream has had a text, to the socket. */
function watch(port, path, text) {
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return new Promise(resolve => {
    let rest = ''
    socket.on('data', chunk => {
      rest = (rest + chunk).slice(-chunk.length - text.length)
      if (rest.includes(text)) resolve(socket)
    })
  })
}

// In a process of its own:

export async function watchAll(url, number) {
  const { port } = await serve(redisPlugin({ url }))
  for (let n = 0; n < number; n++) await watch(port, `/silent/${n}`, 'data: begun')
}
