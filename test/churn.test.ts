import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from '@jest/globals'
import { createParser } from 'eventsource-parser'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { serve, turns } from './support.js'

const CLIENTS = 200
const EVENTS = 20_000

/** A client that comes and goes, and keeps all that it was ever told. */
class Wanderer {
  readonly told: { data: string; event: string | undefined }[] = []
  lastEventId = ''
  connections = 0
  #socket: net.Socket | undefined

  constructor(readonly port: number) {}

  async come(): Promise<void> {
    const socket = net.connect(this.port, '127.0.0.1')
    this.#socket = socket
    this.connections += 1
    const parser = createParser({
      onEvent: ({ data, event, id }) => {
        this.told.push({ data, event })
        if (id !== undefined) this.lastEventId = id
      },
    })
    // Chunk lengths are lines that name no field, which a parser of events passes over; the head's lines too.
    socket.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk.replaceAll('\r\n', '\n')))
    socket.on('error', () => {})
    await once(socket, 'connect')
    const resume = this.lastEventId && `Last-Event-ID: ${this.lastEventId}\r\n`
    socket.write(`GET /s HTTP/1.1\r\nHost: x\r\n${resume}\r\n`)
  }

  leave(): void {
    this.#socket?.resetAndDestroy()
  }
}

test(`${CLIENTS} clients that leave and come back at random while ${EVENTS} events are published miss none and get none twice`, async () => {
  const history = { count: EVENTS, size: 100_000_000 }
  await using served = await serve(sse => sse.pubSub('/s'), {
    router: { plugin: mittPlugin({ history }), maxLog: 50_000, maxReplay: EVENTS },
  })
  const wanderers = Array.from({ length: CLIENTS }, () => new Wanderer(served.port))
  await Promise.all(wanderers.map(wanderer => wanderer.come()))
  while (!wanderers.every(wanderer => wanderer.lastEventId)) await turns()

  const published: string[] = []
  while (published.length < EVENTS) {
    for (let n = 0; n < 20; n++) {
      published.push(`event ${published.length}`)
      await served.sse.publish(published.at(-1))
    }
    const one = wanderers[Math.floor(Math.random() * CLIENTS)] as Wanderer
    one.leave()
    await turns(1 + Math.floor(Math.random() * 3))
    await one.come()
  }
  const last = published.at(-1) as string
  while (!wanderers.every(({ told }) => told.at(-1)?.data === last || told.at(-2)?.data === last)) await turns()

  for (const { told } of wanderers) {
    const events = told.filter(({ event }) => event !== 'stream-open')
    expect(events.map(({ data }) => data)).toEqual(published)
  }
  expect(wanderers.reduce((sum, { connections }) => sum + connections, 0)).toBe(CLIENTS + EVENTS / 20)
  for (const wanderer of wanderers) wanderer.leave()
  expect(served.errors).toEqual([])
}, 120_000)
