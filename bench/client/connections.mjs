import net from 'node:net'
import process from 'node:process'
import { Response } from './response.mjs'
import { clock } from './tally.mjs'

/** How many connections are being opened at once. */
const OPENING = 128

// One buffer for all reads of all connections: a read is over before the next begins.
const buffer = Buffer.allocUnsafeSlow(262_144)

/** Opens connections and reads them to their end, or anew and anew. */
export class Connections {
  open = 0
  closed = 0
  #tally
  #order
  #hooks
  #begun = 0
  #opened = 0
  #opening = 0
  #sockets = new Set()

  /** `hooks`: `ready` once all are open, `read` after each read, `over` once all have ended. */
  constructor(tally, order, hooks) {
    this.#tally = tally
    this.#order = { stalled: 0, channels: 0, next: 0, ...order }
    this.#hooks = hooks
  }

  begin() {
    const { count, stalled } = this.#order
    while (this.#opening < OPENING && this.#begun < count + stalled) this.#connect(this.#begun++)
  }

  close() {
    this.#order = { ...this.#order, churn: undefined }
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(index) {
    const { port, next, count } = this.#order
    const connection = { next }
    const response = new Response(this.#tally, connection)
    const began = clock()
    this.#opening += 1
    const socket = net.connect({
      ...{ port, host: '127.0.0.1', localAddress: this.#source(index), noDelay: true },
      onread: { buffer, callback: size => this.#read(response, size, { socket, index, connection, began }) },
    })
    this.#sockets.add(socket)
    socket.on('error', () => {
      this.#tally.refused += response.open ? 0 : 1
    })
    socket.on('close', () => this.#closed(socket, response))
    if (index >= count) socket.once('stalled', () => socket.pause())
    socket.write(this.#request(index))
  }

  // A source address has some 28,000 ports, and a connection that was closed keeps one for a minute.
  #source(index) {
    const { sources = 1 } = this.#order
    if (sources === 1 || process.platform !== 'linux') return undefined
    return `127.0.0.${2 + ((index + this.#tally.churned) % sources)}`
  }

  #request(index) {
    const { channels, path, lastEventId } = this.#order
    const target = channels > 0 ? `/channels/${index % channels}` : path
    const headers = ['Host: bench', 'Accept: text/event-stream']
    if (lastEventId) headers.push(`Last-Event-ID: ${lastEventId}`)
    return `GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
  }

  #read(response, size, { socket, index, connection, began }) {
    const wasOpen = response.open
    this.#tally.now = clock()
    this.#tally.bytes += size
    try {
      response.read(buffer, size)
    } catch (error) {
      this.#tally.broken += 1
      console.error(error.message)
      socket.destroy()
      return false
    }
    if (!wasOpen && response.open) this.#nowOpen(socket)
    if (this.#order.churn && connection.next >= this.#order.next + this.#order.churn) this.#churn(socket, index, began)
    else if (response.ended) socket.destroy()
    this.#hooks.read()
    return true
  }

  #nowOpen(socket) {
    this.open += 1
    this.#opened += 1
    this.#opening -= 1
    socket.emit('stalled')
    if (this.#opened === this.#order.count + this.#order.stalled) this.#hooks.ready()
    else this.begin()
  }

  // It has what it came for: another takes its place.
  #churn(socket, index, began) {
    this.#tally.churned += 1
    this.#tally.waits.add((this.#tally.now - began) / 1_000)
    socket.destroy()
    this.#connect(index)
  }

  #closed(socket, response) {
    this.#sockets.delete(socket)
    this.closed += 1
    if (response.open) this.open -= 1
    else this.#opening -= 1
    if (this.closed === this.#order.count + this.#order.stalled && !this.#order.churn) this.#hooks.over()
  }
}
