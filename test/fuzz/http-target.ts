import { setTimeout } from 'node:timers/promises'
import type { EventSourceMessage } from 'eventsource-parser'
import type { Random } from '../model/random.js'
import { AGE, SECRET, SECRET_RUN, type Served, serveAll } from './app.js'
import { Lane, type Sent } from './lane.js'
import { faultIn, isReason } from './oracle.js'
import type { Known } from './requests.js'
import type { Answer } from './response.js'
import { Finding, shown, type Target } from './target.js'
import { Witness } from './witness.js'

/** Ids that are kept for those who forge some. */
const KEPT = 60

/** What one kind of requests needs besides. */
export interface Kind<Input extends Sent> {
  readonly name: string
  generate(random: Random, known: Known): Input
  /** What is wrong with an answer, besides what is wrong with any. */
  judge?(input: Input, answer: Answer): string | undefined
  /** Told what arrives on the channel `posted`. */
  posted?(event: EventSourceMessage): void
  /** What is wrong after all inputs. */
  conclude?(): Promise<string | undefined>
}

/** Tries requests on an app that is served for them, while events are published that they may see, and others that they may not. */
export async function httpTarget<Input extends Sent>(kind: Kind<Input>): Promise<Target> {
  const served = await serveAll()
  const stage = new Stage(served, kind.posted)
  await stage.begin()
  const free: Lane[] = []
  const underWay = new Set<Input>()
  const fail = (fault: string, { bytes }: Sent) => {
    throw new Finding(fault, shown(bytes))
  }
  return {
    name: kind.name,
    width: 32,
    async attempt(random) {
      const input = kind.generate(random, stage)
      const lane = free.pop() ?? new Lane(served.port)
      underWay.add(input)
      const answer = await lane.exchange(input).catch(error => fail(error.message, input))
      underWay.delete(input)
      free.push(lane)
      const fault = answer ? (faultIn(answer) ?? kind.judge?.(input, answer)) : closedOn(input)
      const worst = fault ?? served.errors.splice(0).map(faultInError).find(Boolean)
      if (worst) fail(worst, input)
    },
    underWay: () => [...underWay].map(({ bytes }) => shown(bytes)),
    async settle() {
      const fault = (await kind.conclude?.()) ?? (await stage.rest())
      if (fault) throw new Finding(fault, 'all of them together')
    },
    async [Symbol.asyncDispose]() {
      for (const lane of free) lane.close()
      stage.end()
      await served[Symbol.asyncDispose]()
    },
  }
}

const closedOn = ({ isOdd }: Sent) => (isOdd ? undefined : 'the connection was closed without an answer')

function faultInError(error: Error): string | undefined {
  const { expose, status = 500, message, code } = error as Error & { expose?: boolean; status?: number; code?: unknown }
  if (`${message}${error.stack}`.includes(SECRET)) return 'an error of the app tells what is secret'
  if (/^HPE_|^ECONNRESET$|^EPIPE$/.test(String(code))) return undefined // Koa tells what became of a client's connection
  const isExpected = expose === true && status < 500 && (isReason(message) || /^(Not Found|Bad Request)$/.test(message))
  return isExpected ? undefined : `an error of the app: ${error.stack}`
}

/** What goes on while inputs are tried: publishers, readers that stay, and who reads what is secret. */
class Stage implements Known {
  readonly ids: string[] = []
  readonly #served: Served
  readonly #posted: ((event: EventSourceMessage) => void) | undefined
  #witnesses: Witness[] = []
  #timer: NodeJS.Timeout | undefined
  #published = 0
  #seen = 0
  #fault: string | undefined

  constructor(served: Served, posted?: (event: EventSourceMessage) => void) {
    this.#served = served
    this.#posted = posted
  }

  async begin(): Promise<void> {
    const { port } = this.#served
    const keepId = ({ id }: EventSourceMessage) => this.#keep(id)
    this.#witnesses = await Promise.all([
      Witness.open(port, '/sse/rooms/witness', event => this.#follows(event)),
      Witness.open(port, '/sse/rooms/posted', event => this.#postedTo(event)),
      Witness.open(port, `/sse/runs/${SECRET_RUN}`, keepId, [`Cookie: owner=${SECRET}`]),
    ])
    this.#timer = setInterval(() => void this.#publish(), 10)
  }

  /** Waits until nothing is left but the readers that stay; resolves to what is wrong with what they have read. */
  async rest(): Promise<string | undefined> {
    const { sse } = this.#served
    await setTimeout(AGE * 2.2)
    for (let turn = 0; turn < 300 && (sse.pubsub.channels > 3 || sse.stats().runs.length > 1); turn++)
      await setTimeout(10)
    if (sse.pubsub.channels > 3) return `${sse.pubsub.channels} channels are followed, and 3 are read`
    if (sse.stats().runs.length > 1) return `runs are left: ${JSON.stringify(sse.stats().runs).slice(0, 300)}`
    if (this.#witnesses.some(({ isOver }) => isOver)) return 'a stream of another client was ended'
    return this.#fault
  }

  end(): void {
    clearInterval(this.#timer)
    for (const witness of this.#witnesses) witness.close()
  }

  async #publish(): Promise<void> {
    const { sse } = this.#served
    this.#published += 1
    this.#keep(await sse.publish(`${SECRET} ${this.#published}`, { channel: 'secret' }))
    this.#keep(await sse.publish(`public ${this.#published}`, { channel: 'a' }))
    await sse.publish(`public ${this.#published}`, { channel: 'witness' })
  }

  #keep(id: string | undefined): void {
    if (id !== undefined) this.ids.push(id)
    if (this.ids.length > KEPT) this.ids.splice(0, this.ids.length - KEPT)
  }

  #follows({ event, data }: EventSourceMessage): void {
    if (event !== undefined) this.#fault ??= event === 'stream-open' ? undefined : `another client was sent ${event}`
    else if (this.#seen > 0 && data !== `public ${this.#seen + 1}`)
      this.#fault ??= `another client got ${data} after ${this.#seen}`
    this.#seen = Number(data.replace('public ', '')) || this.#seen
  }

  #postedTo(event: EventSourceMessage): void {
    if (event.event === 'stream-reset') this.#fault ??= 'the reader of what is posted was told of a hole'
    else if (event.event !== 'stream-open') this.#posted?.(event)
  }
}
