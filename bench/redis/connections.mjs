// What do clients cost Redis: two connections for a process, or one for each client?
import { once } from 'node:events'
import net from 'node:net'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { PubSub, SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { burst, median, ROUNDS, round, table, until } from './measure.mjs'
import { emptied } from './server.mjs'
import { startWorker } from './worker.mjs'

const DATA = 'x'.repeat(100)
const COUNT = 200

export default async function connections(redis) {
  const rows = []
  await ours(redis, 1) // from then on Redis knows the scripts
  for (const number of [1, 100, 1_000]) rows.push(await ours(redis, number), await bare(redis, number))
  table('Clients of one channel: event streams of one process, or an ioredis connection each', rows)
}

async function ours(redis, number) {
  await emptied(redis)
  const before = await redis.memory()
  const [server, clients] = await Promise.all([startWorker(import.meta.url), startWorker(import.meta.url)])
  const port = await server.call('serve', redis.url)
  await clients.call('attach', port, number)
  const counts = await counted(redis, before)
  const pubsub = new PubSub({ plugin: redisPlugin({ url: redis.url }) })
  const cost = await costs(redis, clients, number, () => pubsub.publish(DATA, { channel: 'news' }))
  await pubsub.close()
  await Promise.all([server.end(), clients.end()])
  return rowOf('redisPlugin', number, counts, cost)
}

async function bare(redis, number) {
  await emptied(redis)
  const before = await redis.memory()
  const clients = await startWorker(import.meta.url)
  await clients.call('connect', redis.url, number)
  const counts = await counted(redis, before)
  const publisher = new Redis(redis.url)
  const cost = await costs(redis, clients, number, () => publisher.publish('news', DATA))
  publisher.disconnect()
  await clients.end()
  return rowOf('a connection each', number, counts, cost)
}

const counted = async (redis, before) => ({
  connections: await redis.clients(),
  memory: (await redis.memory()) - before,
})

async function costs(redis, clients, number, send) {
  const rounds = []
  for (let n = 0; n <= ROUNDS; n++) {
    const before = await clients.call('received')
    const arrived = () => until(async () => (await clients.call('received')) - before >= COUNT * number)
    rounds.push(await burst(redis, COUNT, 1, send, arrived))
  }
  return median(rounds.slice(1))
}

const rowOf = (way, number, { connections, memory }, { redisCpu }) => ({
  clients: round(number),
  way,
  'connections to Redis': round(connections, 0),
  'memory of Redis for them, KB': round(memory / 1_024, 0),
  'CPU of Redis for a publish, µs': round(redisCpu, 0),
})

// In processes of their own:

let count = 0
export const received = () => count

export async function serve(url) {
  const sse = new SseRouter({ plugin: redisPlugin({ url }) })
  sse.pubSub('/:channel')
  const listener = new Koa().use(sse.routes()).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return listener.address().port
}

export async function attach(port, number) {
  for (let n = 0; n < number; n++) {
    const socket = net.connect(port, '127.0.0.1').setEncoding('latin1')
    socket.write('GET /news HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise(resolve => {
      let text = ''
      socket.on('data', function opened(chunk) {
        text += chunk
        if (!text.includes('stream-open')) return
        socket.off('data', opened).on('data', part => (count += occurrences(part)))
        resolve()
      })
    })
  }
}

// The last letter of each event's data.
const occurrences = text => text.split('x\n').length - 1

export async function connect(url, number) {
  for (let n = 0; n < number; n++) {
    const client = new Redis(url).on('message', () => count++)
    await client.subscribe('news')
  }
}
