import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { EventSourceMessage } from 'eventsource-parser'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import type { Random } from '../model/random.js'
import { freePort, spawnRedis } from '../redis/process.js'
import { Lane } from './lane.js'
import { faultIn } from './oracle.js'
import { type Command, GARBAGE, message, type Places, published, runState, stored } from './payloads.js'
import { Finding, type Target } from './target.js'
import { Witness } from './witness.js'

/** What is written in one attempt, before it is looked whether the streams go on. */
export const PAYLOADS = 250

const CODES = new Set<unknown>(['ERR_SSE_MESSAGE', 'ERR_SSE_REFUSED'])
const BASE = 'eventfeed:{w}'
const RUN = `eventfeed:{${encodeURIComponent('\u0001/redis/price ')}}:run`

/** What others may write into Redis: the process lives, its streams go on, and its errors do not tell what was written. */
export async function redisTarget(): Promise<Target> {
  const port = await freePort()
  const server = await spawnRedis(['--port', String(port), '--save', '', '--bind', '127.0.0.1'], /Ready to accept/)
  const redis = new Redis(port, '127.0.0.1')
  const url = `redis://127.0.0.1:${port}`
  const feed = new SseRouter({ prefix: '/redis', plugin: redisPlugin({ url, history: { count: 50 } }) })
  const raw = new SseRouter({ prefix: '/raw', plugin: redisPubSubPlugin({ url, prefix: 'raw:' }) })
  const flask = new SseRouter({
    prefix: '/flask',
    plugin: redisPubSubPlugin({ url, format: 'flask-sse', prefix: 'flask:' }),
  })
  feed.streamFunc('/price', () => 'price', { share: true, interval: 5, linger: 0, keep: 0, lease: 60, limit: 3 })
  const app = new Koa()
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  for (const router of [feed, raw, flask]) app.use(router.pubSub('/:channel').routes())
  const http = app.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const httpPort = (http.address() as AddressInfo).port
  await Promise.all([feed, raw, flask].map(router => router.ready()))
  const readers = [feed, raw, flask].map(router => new Reader(router, httpPort))
  const lane = new Lane(httpPort)
  let position = ''
  let commands: Command[] = []

  const next = (random: Random): Command => {
    const places: Places = { meta: `${BASE}:meta`, log: `${BASE}:log`, channel: BASE, position }
    const kind = random.below(20)
    if (kind < 6) return published(random, places)
    if (kind < 10) return stored(random, places)
    return kind < 15 ? message(random, 'raw:w', 'raw') : message(random, 'flask:w', 'flask-sse')
  }
  const fail = (fault: string): never => {
    throw new Finding(fault, JSON.stringify(commands.map(command => command.map(String))))
  }
  const goesOn = async () => {
    const faults = await Promise.all(readers.map(reader => reader.goesOn()))
    const lost = faults.find(fault => fault !== undefined)
    if (lost !== undefined) fail(lost)
    position = await feed.publish('public', { channel: 'w' })
    const fault = errors.splice(0).map(faultInError).find(Boolean)
    if (fault) fail(fault)
  }
  // It takes as long as a run's lease until a state that is no run's is noticed, so that is tried now and then.
  const tryRun = async (random: Random) => {
    const request = Buffer.from('GET /redis/price HTTP/1.1\r\nHost: x\r\n\r\n')
    await redis.del(RUN)
    const viewing = lane.exchange({ bytes: request })
    commands = [runState(random, RUN), runState(random, RUN)]
    for (const command of commands) await call(redis, command)
    const fault = await viewing.then(answer => answer && faultIn(answer))
    const later = await lane.exchange({ bytes: request }).then(answer => answer && faultIn(answer))
    if (fault ?? later) fail((fault ?? later) as string)
    await redis.del(RUN)
  }

  return {
    name: 'redis',
    width: 1,
    async attempt(random) {
      commands = Array.from({ length: PAYLOADS }, () => next(random))
      await Promise.all(commands.map(command => call(redis, command)))
      await goesOn()
      if (random.chance(0.1)) await tryRun(random)
    },
    underWay: () => [JSON.stringify(commands.map(command => command.map(String)))],
    async settle() {
      if (feed.pubsub.channels > 1) throw new Finding(`${feed.pubsub.channels} channels are followed`, '')
    },
    async [Symbol.asyncDispose]() {
      lane.close()
      for (const reader of readers) reader.close()
      await Promise.all([feed, raw, flask].map(router => router.close()))
      redis.disconnect()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
      await server.end('SIGKILL')
    },
  }

  // What is of another type is in the way of publishing too: what an operator would remove is removed.
  async function call(client: Redis, [name, ...args]: Command): Promise<void> {
    await client.call(name, ...args).catch(() => {})
    if (name === 'SET') await client.del(args[0] as string)
  }
}

function faultInError(error: Error): string | undefined {
  const { code, cause } = error as Error & { code?: unknown }
  if (!CODES.has(code)) return `an error of the app: ${error.stack}`
  const told = `${error.message} ${(cause as Error | undefined)?.message ?? ''}`
  return told.includes(GARBAGE) ? `an error tells what was received: ${told.slice(0, 300)}` : undefined
}

/** Who reads a channel all along, and comes back where its stream is ended, as a browser does. */
class Reader {
  readonly #router: SseRouter
  readonly #port: number
  #witness: Witness | undefined
  #sent = 0
  #seen = 0
  #fault: string | undefined

  constructor(router: SseRouter, port: number) {
    this.#router = router
    this.#port = port
  }

  /** Publishes an event, and waits for it; again where nobody read, or Redis would not take it. */
  async goesOn(): Promise<string | undefined> {
    const { prefix } = this.#router.opts
    for (let turn = 0; turn < 20; turn++) {
      if (this.#witness === undefined || this.#witness.isOver)
        this.#witness = await Witness.open(this.#port, `${prefix}/w`, event => this.#received(event))
      this.#sent += 1
      await this.#router.publish(`sentinel ${this.#sent}`, { channel: 'w' }).catch(() => {})
      for (let wait = 0; wait < 100 && this.#seen < this.#sent && !this.#witness.isOver; wait++)
        await setTimeout(wait < 10 ? 1 : 5)
      if (this.#seen === this.#sent) return this.#fault
    }
    return `no stream of ${prefix} goes on`
  }

  close(): void {
    this.#witness?.close()
  }

  #received({ event, data }: EventSourceMessage): void {
    if (event === 'forged' || data === 'forged') this.#fault ??= 'an event was forged'
    if (data.startsWith('sentinel ')) this.#seen = Number(data.slice(9))
  }
}
