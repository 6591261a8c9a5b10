import type { Cluster, Redis } from 'ioredis'
import type { SseError } from '../../src/errors.js'
import { deferred } from './deferred.js'
import { closed, connectionFailure, unreachable } from './failure.js'
import { Limited } from './limited.js'

export interface LinkSettings {
  /** The plugin's name, for messages. */
  readonly plugin: string
  /** Milliseconds between two probes. */
  readonly heartbeat: number
  /** Whether the client is to be closed with the link. */
  readonly owned: boolean
  /** Asks the server for anything: whatever it answers shows that it lives. */
  probe(): Promise<unknown>
  /** Called once for an outage, and again if its reason changes. */
  failed(error: SseError): void
}

/** A client of ioredis and its condition: whether it works now, and why not. */
export class Link<Client extends Redis | Cluster = Redis | Cluster> {
  readonly client: Client
  readonly #settings: LinkSettings
  /** Who waits for the connection however long it takes, and who only until it is known why there is none. */
  readonly #patient = new Limited()
  readonly #hasty = new Limited()
  /** What was sent and is not answered yet. */
  readonly #sent = new Limited()
  #works = deferred()
  #isUp = false
  #isElsewhere = false
  #closed = false
  #failure: SseError | undefined
  #told: string | undefined
  #unanswered = 0
  #heart: NodeJS.Timeout | undefined
  #whenUp: () => void = () => {}
  #whenDown: () => void = () => {}

  constructor(client: Client, settings: LinkSettings) {
    this.client = client
    this.#settings = settings
    client.on('ready', this.#up).on('error', this.#fail).on('close', this.#down).on('end', this.#down)
    if (client.status === 'ready') this.#up()
  }

  /** What is to be done whenever it works again, and whenever it has broken off. */
  watch(whenUp: () => void, whenDown: () => void): void {
    this.#whenUp = whenUp
    this.#whenDown = whenDown
    if (this.isUp) whenUp()
  }

  /** Whether something can be sent now. */
  get isUp(): boolean {
    return this.#isUp && this.client.status === 'ready'
  }

  /** Why it does not work now; undefined if it does. */
  get failure(): SseError | undefined {
    if (this.#closed) return closed(this.#settings.plugin)
    if (!this.isUp) return this.#failure ?? unreachable('not connected yet')
    return this.#unanswered < 2 ? undefined : silent()
  }

  /** The code of what was told of the outage that is under way, if there is one. */
  get told(): string | undefined {
    return this.#told
  }

  /** Connects, if nothing has yet. */
  open(): void {
    if (!this.#closed && this.client.status === 'wait') this.client.connect().catch(() => {}) // the event 'error' tells it
  }

  /** Resolves once something can be sent. Rejects at once if the server does not let it in, else when the time is up: milliseconds. */
  async up(ms: number): Promise<void> {
    if (this.#closed) throw closed(this.#settings.plugin)
    this.open()
    if (this.isUp) return
    if (this.#failure?.code === 'ERR_SSE_CREDENTIALS') throw this.#failure
    await this.#patient.run(this.#works.promise, ms, () => this.failure ?? silent())
  }

  /** Like `up`, but rejects as soon as it is known why it does not work. */
  async ready(ms: number): Promise<void> {
    if (this.#closed) throw closed(this.#settings.plugin)
    if (this.#failure && !this.isUp) throw this.#failure
    await this.#hasty.run(this.up(ms), ms, () => this.failure ?? silent())
  }

  /** What is answered to something that was sent. Rejects when the connection breaks off before, or the time is up. */
  run<T>(answer: Promise<T>, ms: number): Promise<T> {
    return this.#sent.run(answer, ms, () => new Error('no answer in time'))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const waiting of [this.#patient, this.#hasty, this.#sent]) waiting.rejectAll(closed(this.#settings.plugin))
    this.#down()
    const { client } = this
    client.off('ready', this.#up).off('close', this.#down).off('end', this.#down)
    if (this.#settings.owned) client.disconnect()
    else client.off('error', this.#fail)
  }

  readonly #up = () => {
    if (this.#isElsewhere) {
      this.#isElsewhere = false
      return this.client.disconnect(true)
    }
    this.#failure = undefined
    this.#unanswered = 0
    this.#isUp = true
    this.#heart = setInterval(() => this.#beat(), this.#settings.heartbeat).unref()
    this.#whenUp()
    this.#works.resolve()
  }

  readonly #down = () => {
    if (!this.#isUp) return
    this.#isUp = false
    clearInterval(this.#heart)
    this.#works = deferred()
    if (!this.#closed) this.#tell(this.#failure ?? unreachable('the connection broke off'))
    this.#whenDown()
    this.#sent.rejectAll(new Error('the connection broke off'))
  }

  readonly #fail = (error: unknown) => {
    if (this.#closed) return
    this.#tell(connectionFailure(error))
    const { command } = error as { command?: { name?: string } }
    if (command?.name === 'select') this.#isElsewhere = true // ioredis goes on, in database 0
  }

  #tell(failure: SseError): void {
    this.#failure = failure
    this.#hasty.rejectAll(failure)
    if (failure.code === 'ERR_SSE_CREDENTIALS') this.#patient.rejectAll(failure)
    if (this.#told === failure.code) return
    this.#told = failure.code
    this.#settings.failed(failure)
  }

  #beat(): void {
    this.#unanswered += 1
    if (this.#unanswered === 2) this.#tell(silent())
    const answered = () => {
      this.#unanswered = 0
      this.#told = undefined
    }
    this.#settings.probe().then(answered, error => (error as Error).name === 'ReplyError' && answered())
  }
}

const silent = () => unreachable('it does not answer')
