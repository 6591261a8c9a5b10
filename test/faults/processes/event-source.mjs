import http from 'node:http'
import { createParser } from 'eventsource-parser'

/** Reads one channel as a browser's EventSource does, and writes down all that it sees. */
export class EventSourceClient {
  channel
  records = []
  lastEventId
  /** When anything came last, be it a comment. */
  heard = 0
  resets = 0
  isOpen = false
  #pick
  #changed
  #retry = 3_000
  #request
  #response
  #timer
  #parser
  #closed = false

  /** `pick` says to which port it connects, each time; `changed` is called with every event. */
  constructor(channel, pick, changed, lastEventId) {
    this.channel = channel
    this.lastEventId = lastEventId
    this.#pick = pick
    this.#changed = changed
    this.connect()
  }

  connect() {
    clearTimeout(this.#timer)
    const port = this.#pick()
    const id = this.lastEventId
    this.#note({ type: 'connect', port, id })
    this.#parser = createParser({ onEvent: event => this.#take(event), onRetry: ms => (this.#retry = ms) })
    const headers = { accept: 'text/event-stream', ...(id && { 'last-event-id': id }) }
    const request = http.get({ host: '127.0.0.1', port, path: `/${this.channel}`, headers, agent: false })
    this.#request = request
    request.once('response', response => this.#respond(request, response))
    request.once('error', error => this.#lost(request, error.code))
    request.once('close', () => this.#lost(request, 'close'))
  }

  /** Leaves, and comes back after so many milliseconds; by default at once. */
  reconnect(ms = 0) {
    this.#drop()
    this.#note({ type: 'left' })
    this.#timer = setTimeout(() => this.connect(), ms)
  }

  pause() {
    this.#response?.pause()
  }

  resume() {
    this.#response?.resume()
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#drop()
  }

  #drop() {
    const request = this.#request
    this.#request = undefined
    this.isOpen = false
    request?.destroy()
  }

  #respond(request, response) {
    if (response.statusCode !== 200) {
      this.#note({ type: 'stopped', status: response.statusCode })
      this.close()
      return
    }
    this.#response = response
    response.setEncoding('utf8').on('data', text => this.#hear(request, text))
    response.on('error', () => {}) // its 'close' follows
  }

  #hear(request, text) {
    if (request !== this.#request) return
    this.heard = Date.now()
    this.#parser.feed(text)
  }

  #take({ id, event = 'message', data }) {
    if (id !== undefined) this.lastEventId = id
    if (event === 'stream-open') {
      this.isOpen = true
      this.#note({ type: 'open', id })
    } else if (event === 'stream-reset') {
      this.resets += 1
      this.#note({ type: 'reset', id, ...JSON.parse(data) })
    } else this.#note({ type: 'event', id, data: essence(data) })
    this.#changed(this)
  }

  #lost(request, why) {
    if (request !== this.#request || this.#closed) return
    this.#drop()
    this.#note({ type: 'lost', why })
    this.#timer = setTimeout(() => this.connect(), this.#retry)
  }

  #note(record) {
    this.records.push({ at: Date.now(), ...record })
  }
}

// What makes an event long is not worth keeping.
function essence(data) {
  const { n, by } = JSON.parse(data)
  return JSON.stringify({ n, by })
}
