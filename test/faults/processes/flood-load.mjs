// Whoever is up to no good: asks for more streams than there are, does not read them, sends headers that never end, publishes too much.
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, options, tell } from './answer.mjs'

const { port } = options
const GET = 'GET /news HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n\r\n'

/** Whether an answer is that of one stream too many, whole. */
function isSentAway(answer) {
  const [head, ...rest] = answer.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const [, length] = /\r\nContent-Length: (\d+)/.exec(head) ?? []
  const whole = length === undefined ? /^\w+\r\n:\nretry: \d+\n\r\n0\r\n\r\n$/ : /^:\nretry: \d+\n$/
  return head.startsWith('HTTP/1.1 200 ') && whole.test(body) && Number(length ?? body.length) === body.length
}

const admitted = []

/** Asks for a stream. Every other one that is let in never reads it. */
function ask(counts) {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(GET))
    let text = ''
    const hear = chunk => {
      text += chunk
      if (!text.includes('event: stream-open')) return
      socket.off('data', hear)
      if (admitted.push(socket) % 2 === 0) socket.pause()
      else socket.resume()
      counts.admitted += 1
      resolve()
    }
    socket.setEncoding('latin1').on('data', hear)
    socket.on('error', () => {})
    socket.once('close', () => {
      if (isSentAway(text)) counts.sentAway += 1
      else if (!admitted.includes(socket)) counts.broken.push(text)
      resolve()
    })
  })
}

/** Asks for so many streams, so many at once. */
async function storm(count, atOnce) {
  const begun = performance.now()
  const counts = { admitted: 0, sentAway: 0, broken: [] }
  let left = count
  const go = async () => {
    while (left-- > 0) await ask(counts)
  }
  await Promise.all(Array.from({ length: atOnce }, go))
  return { ...counts, broken: counts.broken.slice(0, 3), seconds: (performance.now() - begun) / 1_000 }
}

/** How those ended that send one byte of a header after the other: the status that they were told, or none. */
const ends = {}
let dripping = true

async function drip() {
  while (dripping) {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.write('GET /news HTTP/1.1\r\nHost: test\r\nX-Slow: ')
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
    })
    socket.on('error', () => {})
    const timer = setInterval(() => socket.write('x'), 200)
    await new Promise(resolve => socket.once('close', resolve)) // `once` would throw what 'error' tells
    clearInterval(timer)
    const end = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none'
    ends[end] = (ends[end] ?? 0) + 1
  }
}

const log = []
const statuses = {}
let publishing = false
let lanes = []

const TOO_LARGE = 'x'.repeat(70_000)

/** Publishes one event after another, so many a second: of all that are taken, it knows the order. */
async function publish(by, perSecond) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const begun = performance.now()
  for (let n = 0; publishing; n++) {
    const wait = begun + (n * 1_000) / perSecond - performance.now()
    if (wait > 0) await sleep(wait)
    const status = await post(agent, { n, by, ...(n % 10 === 9 && { TOO_LARGE }) })
    statuses[status] = (statuses[status] ?? 0) + 1
    if (status === 200) log.push({ n, by, at: Date.now() })
  }
  agent.destroy()
}

async function post(agent, data) {
  const headers = { 'Content-Type': 'application/json' }
  const sent = request({ port, host: '127.0.0.1', path: '/publish', method: 'POST', agent, headers })
  sent.end(JSON.stringify({ channel: 'news', data }))
  const [response] = await once(sent, 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

answer({
  storm,
  drip: count => {
    for (let n = 0; n < count; n++) void drip()
  },
  publish: (count, perSecond) => {
    publishing = true
    lanes = Array.from({ length: count }, (_, by) => publish(by, perSecond / count))
  },
  stop: async () => {
    publishing = false
    await Promise.all(lanes)
    return { log, statuses }
  },
  dropped: () => ends,
  leave: () => {
    dripping = false
    for (const socket of admitted) socket.destroy()
  },
})
tell('ready')
