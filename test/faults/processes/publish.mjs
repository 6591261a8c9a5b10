// A publisher, whose log says what became of each event.
import { setTimeout } from 'node:timers/promises'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { answer, options, tell } from './answer.mjs'

const TICK = 10

const pubsub = new PubSub({ plugin: redisPlugin(options.plugin), onError: ({ code }) => tell('error', { code }) })
const log = []
const underWay = new Set()
const waiting = new Set()
let settled = 0
let timer

async function publish(channel, padding) {
  const entry = { n: log.length, by: options.by, channel, begun: Date.now() }
  log.push(entry)
  try {
    entry.id = await pubsub.publish({ n: entry.n, by: entry.by, padding }, { channel })
  } catch (error) {
    entry.code = error.code ?? String(error)
  }
  entry.ended = Date.now()
  settled += 1
  for (const one of waiting) if (settled >= one.at) one.resolve()
  return entry
}

function begin(channel, length = 0) {
  const published = publish(channel, length === 0 ? undefined : 'x'.repeat(length)).finally(() =>
    underWay.delete(published),
  )
  underWay.add(published)
  return published
}

/** Publishes so many events a second, whatever becomes of them, to one channel after another. */
function start(channels, rate, padding) {
  const begun = performance.now()
  let count = 0
  timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1_000) * rate
    for (; count < due; count++) begin(channels[count % channels.length], padding)
  }, TICK)
}

async function stop() {
  clearInterval(timer)
  await Promise.all(underWay)
}

/** Publishes to each channel until that is taken. Resolves to the ids. */
async function finish(channels) {
  const last = async channel => {
    for (;;) {
      const { id } = await begin(channel)
      if (id !== undefined) return [channel, id]
      await setTimeout(TICK)
    }
  }
  return Object.fromEntries(await Promise.all(channels.map(last)))
}

/** Resolves once so many more were taken or rejected. */
async function progress(count) {
  const at = settled + count
  await new Promise(resolve => waiting.add({ at, resolve }))
}

answer({ start, stop, finish, progress, publish: begin, log: () => log })
tell('ready')
