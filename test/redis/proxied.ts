import net from 'node:net'
import { Lane } from './lane.js'
import { commandOf, FrameSplitter, type Message, messageOf } from './resp.js'

/** A connection on which the client has subscribed, or any other. */
export type Role = 'subscriber' | 'commands'

/** What happens to a message: a number holds it back for so many ms, and later ones overtake it. */
export type Verdict = 'pass' | 'drop' | 'double' | number

/** What a connection asks its proxy each time, since tests change it. */
export interface Faults {
  /** In ms, for all that comes from the server. */
  delay: number
  judge(message: Message): Verdict
}

const subscribing = new Set(['subscribe', 'psubscribe', 'ssubscribe'])
const replicating = new Set(['psync', 'sync'])

/** One client's connection through the proxy. */
export class Proxied {
  role: Role = 'commands'
  readonly #client: net.Socket
  readonly #server: net.Socket
  readonly #faults: Faults
  readonly #toServer = new Lane()
  readonly #toClient = new Lane()
  readonly #held = new Set<NodeJS.Timeout>()
  #fromClient: FrameSplitter | undefined = new FrameSplitter()
  #fromServer: FrameSplitter | undefined = new FrameSplitter()

  /** `closed` is called when both ends have closed, which a stalled connection does one by one. */
  constructor(client: net.Socket, target: number, faults: Faults, closed: () => void) {
    this.#client = client.setNoDelay()
    this.#server = net.connect({ port: target, host: '127.0.0.1', noDelay: true })
    this.#faults = faults
    client.on('data', chunk => this.#up(chunk))
    this.#server.on('data', chunk => this.#down(chunk))
    client.on('error', () => {}).on('close', () => this.#clientLeft())
    this.#server.on('error', () => {}).on('close', failed => this.#serverLeft(failed))
    void Promise.all([client, this.#server].map(socket => new Promise(done => socket.once('close', done)))).then(closed)
  }

  get connected(): boolean {
    return !this.#client.destroyed
  }

  /** Both ends see a connection reset. */
  cut(): void {
    this.#release()
    reset(this.#client)
    reset(this.#server)
  }

  /** Both ends stay connected and nothing comes through, not even an end; `false` delivers all of it. */
  stall(on: boolean): void {
    this.#toServer.stall(on)
    this.#toClient.stall(on)
  }

  #clientLeft(): void {
    this.#toClient.clear()
    this.#toServer.add(() => this.#server.destroySoon(), 0)
  }

  #serverLeft(failed: boolean): void {
    const leave = () => {
      this.#release()
      if (failed) reset(this.#client)
      else this.#client.destroySoon()
    }
    this.#toClient.add(leave, this.#faults.delay)
  }

  #release(): void {
    this.#toServer.clear()
    this.#toClient.clear()
    for (const timer of this.#held) clearTimeout(timer)
  }

  #up(chunk: Buffer): void {
    const frames = split(this.#fromClient, chunk)
    if (frames === undefined) this.#fromClient = undefined
    for (const frame of frames ?? []) this.#note(commandOf(frame) ?? '')
    this.#toServer.add(() => forward(chunk, this.#client, this.#server), 0)
  }

  #note(command: string): void {
    if (subscribing.has(command)) this.role = 'subscriber'
    // What follows is no RESP: a dump, then the primary's commands, with ends of lines between.
    if (replicating.has(command)) this.#fromClient = this.#fromServer = undefined
  }

  #down(chunk: Buffer): void {
    const before = this.#fromServer?.rest ?? Buffer.alloc(0)
    const frames = split(this.#fromServer, chunk)
    if (frames === undefined) this.#fromServer = undefined
    this.#deliver(frames ?? [Buffer.concat([before, chunk])])
  }

  #deliver(frames: Buffer[]): void {
    for (const frame of frames) {
      const message = messageOf(frame, this.role === 'subscriber')
      const verdict = message === undefined ? 'pass' : this.#faults.judge(message)
      if (typeof verdict === 'number') this.#hold(frame, verdict)
      else for (let times = copies[verdict]; times > 0; times--) this.#pass(frame)
    }
  }

  #hold(frame: Buffer, ms: number): void {
    const timer = setTimeout(() => {
      this.#held.delete(timer)
      this.#pass(frame)
    }, ms)
    this.#held.add(timer)
  }

  #pass(bytes: Buffer): void {
    this.#toClient.add(() => forward(bytes, this.#server, this.#client), this.#faults.delay)
  }
}

const copies = { drop: 0, pass: 1, double: 2 }

// `undefined` where the bytes are no RESP: TLS, or a replication.
function split(splitter: FrameSplitter | undefined, chunk: Buffer): Buffer[] | undefined {
  try {
    return splitter?.push(chunk)
  } catch (error) {
    if ((error as Error).name === 'RangeError') return undefined
    throw error
  }
}

// A reader that does not read must be felt by the server, as it would be without the proxy.
function forward(bytes: Buffer, from: net.Socket, to: net.Socket): void {
  if (to.destroyed || to.write(bytes) || from.isPaused()) return
  from.pause()
  to.once('drain', () => from.resume())
}

// One that has sent its end cannot be reset any more: Node would wait without end for its handle to close.
function reset(socket: net.Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
