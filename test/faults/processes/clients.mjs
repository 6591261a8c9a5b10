// Many clients, in groups that are opened, judged and closed together.
import { answer, options, tell } from './answer.mjs'
import { EventSourceClient } from './event-source.mjs'

let clients = []
let ports = []
let random = generator(options.seed)
const waiting = new Set()

// Numbers that a seed repeats (a linear congruential generator).
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const pick = () => ports[Math.floor(random() * ports.length)]

function changed() {
  for (const one of waiting) {
    if (!clients.every(one.done)) continue
    waiting.delete(one)
    one.resolve()
  }
}

/** Resolves once something is true of every client, rejects with those of whom it is not when the time is up. */
function every(done, ms) {
  return new Promise((resolve, reject) => {
    const late = () => {
      waiting.delete(one)
      const left = clients.filter(client => !done(client))
      const last = left.slice(0, 3).map(({ channel, records }) => ({ channel, last: records.slice(-4) }))
      reject(new Error(`${left.length} of ${clients.length} clients are not there yet: ${JSON.stringify(last)}`))
    }
    const timer = setTimeout(late, ms)
    const one = {
      done,
      resolve() {
        clearTimeout(timer)
        resolve()
      },
    }
    waiting.add(one)
    changed()
  })
}

/** New clients, which take one channel after another; resolves once all streams are open. `ids`: from where each resumes. */
async function open({ count, channels, at, ms, ids = [] }) {
  ports = at
  random = generator(options.seed)
  const make = (_, i) => new EventSourceClient(channels[i % channels.length], pick, changed, ids[i % ids.length])
  clients = Array.from({ length: count }, make)
  await every(client => client.isOpen, ms)
}

/** A share of them leaves and comes back after some milliseconds, to any of the servers. */
function reconnect(share = 1, ms = 0) {
  const leaving = clients.filter(() => random() < share)
  for (const client of leaving) client.reconnect(ms)
  return leaving.length
}

function pause(share) {
  for (const client of clients) if (random() < share) client.pause()
}

function resume() {
  for (const client of clients) client.resume()
}

function close() {
  for (const client of clients) client.close()
  const transcripts = clients.map(({ channel, records }) => ({ channel, records }))
  clients = []
  return transcripts
}

answer({
  open,
  reconnect,
  close,
  opened: ms => every(client => client.isOpen, ms),
  reset: (times, ms) => every(client => client.resets >= times, ms),
  until: (last, ms) => every(client => client.lastEventId === last[client.channel], ms),
  aim: at => {
    ports = at
  },
  count: () => clients.filter(({ isOpen }) => isOpen).length,
  silence: () => Math.max(...clients.map(({ heard }) => Date.now() - heard)),
  pause,
  resume,
})
tell('ready')
