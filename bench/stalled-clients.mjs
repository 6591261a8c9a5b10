// 1,000 clients that never read beside 100 that do, while a channel publishes: how much memory does the server hold?
// Run after `npm run build`: node --expose-gc bench/stalled-clients.mjs [megabytes]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'

const STALLED = 1_000
const READING = 100
const MAX_BUFFERED = 65_536
const EVENT = 4_096

if (process.send) await client(Number(process.argv[2]), Number(process.argv[3]))
else await server(Number(process.argv[2] ?? 64))

async function server(megabytes) {
  const events = (megabytes * 1_048_576) / EVENT
  const sse = new SseRouter({ maxLog: 1_048_576 })
  sse.pubSub('/s', { maxBuffered: MAX_BUFFERED, writeTimeout: false })
  const sockets = new Set()
  const listener = new Koa().use(sse.routes()).listen(0, '127.0.0.1')
  listener.on('connection', socket => sockets.add(socket).size)
  await once(listener, 'listening')
  const clients = fork(new URL(import.meta.url), [String(listener.address().port), String(events)])
  await once(clients, 'message')
  const before = memory()
  let slowest = 0
  let done
  clients.on('message', message => {
    slowest = message.slowest ?? slowest
    done = message.complete === undefined ? undefined : message
  })
  let peak = 0
  for (let n = 0; n < events; n++) {
    await sse.publish(`${n} ${'x'.repeat(EVENT)}`)
    // At the pace of those who read: they are not to be stalled too.
    while (n - slowest > 64) await once(clients, 'message')
    if (n % 1_024 === 0) peak = Math.max(peak, memory().rss)
  }
  while (!done) await once(clients, 'message')
  const { complete, resets } = done
  const after = memory()
  const held = [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0)
  const bound = STALLED * (MAX_BUFFERED * 2)
  const megabytesOf = bytes => `${(bytes / 1_048_576).toFixed(1)} MB`
  console.log(
    `published            ${megabytesOf(events * EVENT)} to ${STALLED} stalled and ${READING} reading clients`,
  )
  console.log(`readers complete     ${complete} of ${READING}, holes told to them: ${resets}`)
  console.log(`held for stalled     ${megabytesOf(held)} of at most ${megabytesOf(bound)}`)
  console.log(`heap + buffers grew  ${megabytesOf(after.own - before.own)}`)
  console.log(
    `resident set grew    ${megabytesOf(after.rss - before.rss)}, at its peak ${megabytesOf(peak - before.rss)}`,
  )
  clients.kill()
  process.exit(complete === READING && held <= bound ? 0 : 1)
}

function memory() {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { own: heapUsed + external, rss }
}

async function client(port, events) {
  const readers = []
  const progress = new Map()
  let told = 0
  for (let n = 0; n < STALLED + READING; n++) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('GET /s HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    if (n < STALLED) socket.pause()
    else readers.push(read(socket, events, progress, n))
  }
  process.send({ slowest: 0 })
  setInterval(() => {
    const slowest = Math.min(...progress.values())
    if (slowest > told) process.send({ slowest })
    told = Math.max(told, slowest)
  }, 1)
  const results = await Promise.all(readers)
  process.send({
    complete: results.filter(({ ok }) => ok).length,
    resets: results.reduce((sum, { resets }) => sum + resets, 0),
  })
}

function read(socket, events, progress, id) {
  progress.set(id, 0)
  return new Promise(resolve => {
    let next = 0
    let resets = 0
    let rest = ''
    socket.setEncoding('latin1').on('data', chunk => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        if (line.startsWith('event: stream-reset')) resets += 1
        const number = /^data: (\d+) x/.exec(line)?.[1]
        if (number === undefined) continue
        if (Number(number) !== next++) resolve({ ok: false, resets })
      }
      progress.set(id, next)
      if (next === events) resolve({ ok: true, resets })
    })
  })
}
