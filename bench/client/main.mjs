// The client, in a process of its own. Its parent says which connections to open, when to begin to count, and when to report.
import net from 'node:net'
import process from 'node:process'
import { Connections } from './connections.mjs'
import { Tally } from './tally.mjs'

let tally
let connections
let isReady = false
let acks
let told = -1
let turning = false
let pause = 0
const nap = new Int32Array(new SharedArrayBuffer(4))

const tell = (name, value) => process.send({ [name]: value ?? true })

const commands = {
  open({ acks: port, lazy = 0, ...order }) {
    tally = new Tally(order.channels || order.churn || order.path.startsWith('/gen') ? 0 : order.count)
    pause = lazy
    if (port) acks = net.connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {})
    const began = performance.now()
    const ready = () => {
      isReady = true
      tell('ready', { seconds: (performance.now() - began) / 1_000 })
    }
    connections = new Connections(tally, order, { ready, read: soon, over: () => tell('over', tally.report()) })
    connections.begin()
  },
  reset: () => tally.reset(),
  report: () => ({ ...tally.report(), open: connections.open }),
  close: () => connections.close(),
}

// Once for all that was read in a turn.
function soon() {
  if (turning) return
  turning = true
  setImmediate(turn)
}

// The pause lets data gather, so that the server seldom has to wake this core: on a real network that is not its cost either.
function turn() {
  turning = false
  if (tally.low > told) {
    told = tally.low
    acks?.write(`${told}\n`)
  }
  if (isReady && pause > 0) Atomics.wait(nap, 0, 0, pause)
}

process.on('message', ({ id, name, order }) => process.send({ id, answer: commands[name](order) }))
process.on('disconnect', () => process.exit())
