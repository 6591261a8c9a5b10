// Clients, in a process of their own: of each the sequence of numbers is checked that it receives.
import net from 'node:net'
import process from 'node:process'
import { Response } from '../client/response.mjs'
import { clock, Tally } from '../client/tally.mjs'
import { until } from './measure.mjs'

/** How many are opened at once. */
const OPENING = 50

const buffer = Buffer.allocUnsafeSlow(262_144) // one for all reads: a read is over before the next begins
const waiting = new Map()
let tally

/** Opens clients, spread over the ports. Resolves once each one's subscription is alive: it was sent something. */
export async function attach(ports, path, number) {
  tally = new Tally(number)
  for (let n = 0; n < number; ) {
    for (const end = Math.min(n + OPENING, number); n < end; n++) open(ports[n % ports.length], path)
    await until(() => tally.others + tally.broken >= n, 1)
  }
}

function open(port, path) {
  const response = new Response(tally, { next: 0 })
  const socket = net.connect({ port, host: '127.0.0.1', onread: { buffer, callback: size => read(response, size) } })
  socket.on('error', () => {}).on('close', () => (tally.broken += 1))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`)
}

function read(response, size) {
  tally.now = clock()
  response.read(buffer, size) // throws where a frame is wrong, which ends this process
  if (waiting.has(tally.low)) waiting.get(tally.low)()
  return true
}

/** Resolves once every client has everything up to this number. */
export async function reached(seq) {
  if (tally.low < seq) await new Promise(resolve => waiting.set(seq, resolve))
  waiting.delete(seq)
}

/** Begins to count anew. What is wrong with sequences is counted from the start. */
export function begin() {
  const { others } = tally
  tally.reset()
  tally.others = others
}

/** Milliseconds until the last client had a message, and what went wrong: `holes` are events of the streams' own that tell one. */
export function seen() {
  const { events, gaps, doubles, broken, p50, p99, others, cpu, seconds } = { ...tally.report(), others: tally.others }
  return { events, gaps, doubles, broken, holes: others, p50: p50 / 1_000, p99: p99 / 1_000, busy: cpu / seconds }
}

process.setMaxListeners(0)
