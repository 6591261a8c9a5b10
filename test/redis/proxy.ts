import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Proxied, type Role, type Verdict } from './proxied.js'
import type { Message } from './resp.js'

export type { Message, Role, Verdict }

/** A TCP proxy before a Redis server, which does to connections what networks do. */
export interface RedisProxy extends AsyncDisposable {
  readonly port: number
  /** `redis://`, without a password. */
  readonly url: string
  /** How many clients are connected now. */
  readonly connections: number
  /** Where connections of the future lead; those that are open stay. */
  retarget(port: number): void
  /** Resets the open connections, or those with a role. */
  cut(pick?: Role): void
  /** New connections are reset at once, until `false`. */
  refuse(on: boolean): void
  /**
   * Half-open: the connections that are open now, or those of them with a role, stay so at both ends, and nothing comes
   * through in either direction. `false` delivers all that was held back, late, as a healed network does.
   */
  stall(on: boolean, pick?: Role): void
  /** All that comes from the server arrives so many ms later, in order. */
  delay(ms: number): void
  /** Decides on each message of a channel that the server delivers; a number holds it back for so many ms. */
  onMessage?: ((message: Message) => Verdict) | undefined
}

/** Resolves once it listens on a free port of 127.0.0.1, in front of the port `target`. */
export async function startProxy(target: number): Promise<RedisProxy> {
  const proxy = new TcpProxy(target)
  await proxy.listen()
  return proxy
}

class TcpProxy implements RedisProxy {
  onMessage?: ((message: Message) => Verdict) | undefined
  readonly #server = net.createServer(socket => this.#accept(socket))
  readonly #open = new Set<Proxied>()
  readonly #faults = { delay: 0, judge: (message: Message) => this.onMessage?.(message) ?? 'pass' }
  #target: number
  #refusing = false

  constructor(target: number) {
    this.#target = target
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get connections(): number {
    return [...this.#open].filter(({ connected }) => connected).length
  }

  retarget(port: number): void {
    this.#target = port
  }

  cut(pick?: Role): void {
    for (const connection of this.#picked(pick)) connection.cut()
  }

  refuse(on: boolean): void {
    this.#refusing = on
  }

  stall(on: boolean, pick?: Role): void {
    for (const connection of this.#picked(pick)) connection.stall(on)
  }

  delay(ms: number): void {
    this.#faults.delay = ms
  }

  #picked(pick: Role | undefined): Proxied[] {
    return [...this.#open].filter(({ role }) => pick === undefined || role === pick)
  }

  #accept(socket: net.Socket): void {
    if (this.#refusing) {
      socket.on('error', () => {}).resetAndDestroy()
      return
    }
    const connection = new Proxied(socket, this.#target, this.#faults, () => this.#open.delete(connection))
    this.#open.add(connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }
}
