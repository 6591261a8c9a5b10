// What every server of the benchmark has in common: it publishes on command, at a pace that does not depend on the library.
import net from 'node:net'
import process from 'node:process'
import { Schedule } from './schedule.mjs'

/** The server's port, once it listens; then it takes commands. `publish(message, channel)` sends to all who follow a channel. */
export function ready(port, publish) {
  const schedule = new Schedule(publish)
  const commands = {
    publish: order => schedule.run(order),
    usage: async () => ({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }),
  }
  process.on('message', async ({ id, name, order }) => process.send({ id, answer: await commands[name](order) }))
  process.on('disconnect', () => process.exit())
  // The client tells here how far its slowest connection is: by a socket of their own, so that nobody is in between.
  const acks = net.createServer(socket => readLines(socket, line => schedule.acknowledge(Number(line))))
  acks.listen(0, '127.0.0.1', () => process.send({ ready: { port, acks: acks.address().port } }))
}

function readLines(socket, take) {
  let rest = ''
  socket.setEncoding('latin1').on('error', () => {})
  socket.on('data', text => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) take(line)
  })
}

const FILLING = 'x'.repeat(100)

/** The generator that each server drains: events of 100 bytes, without an await. */
export async function* generate(url) {
  const count = Number(new URL(url, 'http://bench').searchParams.get('n'))
  for (let seq = 0; seq < count; seq++) yield { seq, pad: FILLING.slice(17 + String(seq).length) }
}

/** What `/hello` sends first. */
export const HELLO = { seq: 0 }
