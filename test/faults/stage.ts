import { type RedisProxy, startProxy } from '../redis/proxy.js'
import { type RedisServer, type StartOptions, startRedis } from '../redis/server.js'
import { until } from '../redis/until.js'
import { Child } from './child.js'
import { Show } from './show.js'

/** What the children are given; see `redisPlugin`. */
export interface PluginOptions {
  readonly timeout?: number
  readonly heartbeat?: number
  readonly verify?: number
  readonly history?: { readonly count?: number; readonly age?: number }
}

export interface StageOptions {
  /** How many server processes. @default 2 */
  readonly servers?: number
  readonly plugin?: PluginOptions
  readonly redis?: StartOptions
  readonly limits?: { readonly maxLog?: number; readonly maxReplay?: number }
  /** Of the clients' random numbers. @default 1 */
  readonly seed?: number
}

/** An error that a server's app was told of. */
export interface Reported {
  readonly server: number
  readonly code: string
  readonly message: string
  readonly at: number
}

/** A server process, behind a proxy of its own on its way to Redis. */
export interface Server {
  child: Child
  readonly port: number
  readonly proxy: RedisProxy
}

/** Redis, servers, a publisher and a process full of clients: all of them separate processes. */
export class Stage implements AsyncDisposable {
  readonly redis: RedisServer
  readonly servers: Server[] = []
  readonly errors: Reported[] = []
  /** The publisher's way to Redis. */
  readonly proxy: RedisProxy
  publisher!: Child
  clients!: Child
  readonly #options: StageOptions
  readonly #children: Child[] = []
  #shows = 0

  private constructor(options: StageOptions, redis: RedisServer, proxy: RedisProxy) {
    this.#options = options
    this.redis = redis
    this.proxy = proxy
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const redis = await startRedis(options.redis)
    const stage = new Stage(options, redis, await startProxy(redis.port))
    try {
      await stage.#fill()
      return stage
    } catch (error) {
      await stage[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The ports of the servers. */
  get ports(): number[] {
    return this.servers.map(({ port }) => port)
  }

  /** The proxies of the servers. */
  get proxies(): RedisProxy[] {
    return this.servers.map(({ proxy }) => proxy)
  }

  /** What those wrote to stderr that have ended by themselves. */
  get crashes(): string[] {
    return this.#children.filter(({ crashed }) => crashed).map(({ output }) => `crashed: ${output}`)
  }

  /** Clients on channels of their own, once all their streams are open; they follow all servers, or those `at` some ports. */
  async show(clients: number, channels: number, at: readonly number[] = this.ports): Promise<Show> {
    this.#shows += 1
    const names = Array.from({ length: channels }, (_, index) => `show-${this.#shows}-${index}`)
    const show = new Show(this, names)
    await show.open(clients, at)
    return show
  }

  /** Ends a server by a signal. */
  async end(index: number, signal: NodeJS.Signals): Promise<void> {
    await this.server(index).child.end(signal)
  }

  /** Starts a server that has ended, on the same port. */
  async restart(index: number): Promise<void> {
    const server = this.server(index)
    server.child = await this.#serve(index, server.proxy, server.port)
  }

  server(index: number): Server {
    const server = this.servers[index]
    if (!server) throw new RangeError(`There is no server ${index}`)
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(child => child.end('SIGKILL')))
    // A socket that is just closing is not to be reset: it would keep this process from ending.
    await until(async () => [this.proxy, ...this.proxies].every(({ connections }) => connections === 0))
    await Promise.all([this.proxy, ...this.proxies].map(proxy => proxy[Symbol.asyncDispose]()))
    await this.redis[Symbol.asyncDispose]()
  }

  async #fill(): Promise<void> {
    const { servers = 2, seed = 1, plugin } = this.#options
    const publisher = this.#start('publish', { by: 'publisher', plugin: { ...plugin, url: this.proxy.url } })
    const clients = this.#start('clients', { seed })
    const serving = Array.from({ length: servers }, async (_, index) => {
      const proxy = await startProxy(this.redis.port)
      const child = await this.#serve(index, proxy, 0)
      return { child, port: child.ready as number, proxy }
    })
    this.servers.push(...(await Promise.all(serving)))
    this.publisher = await publisher
    this.clients = await clients
  }

  #serve(index: number, proxy: RedisProxy, port: number): Promise<Child> {
    const { plugin, limits } = this.#options
    return this.#start('serve', { port, limits, plugin: { ...plugin, url: proxy.url } }, (_, value) => {
      const { code, message } = value as Reported
      this.errors.push({ server: index, code, message, at: Date.now() })
    })
  }

  async #start(file: string, options: object, told?: (event: string, value: unknown) => void): Promise<Child> {
    const child = await Child.start(file, options, told)
    this.#children.push(child)
    return child
  }
}
