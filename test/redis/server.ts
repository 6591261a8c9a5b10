import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { freePort, NotStarted, type RedisProcess, spawnRedis } from './process.js'

export interface StartOptions {
  /** Of redis-server's command line, after those that are always there. */
  args?: readonly string[]
  /** Of the default user. */
  password?: string
  /** Only TLS is spoken, with a certificate that `tlsCa` has signed. */
  tls?: boolean
  /** Where it runs and keeps its files; it stays afterwards. @default a temporary folder of its own */
  folder?: string
  /** @default a free one */
  port?: number
}

/** A real Redis server on a port of 127.0.0.1. Leaving its scope ends it at once. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number
  /** `redis://` or `rediss://`, with the password. */
  readonly url: string
  readonly folder: string
  readonly pid: number
  /** A client for the test's own commands. It connects at its first command, and again within 50 ms. */
  readonly redis: Redis
  /** SIGSTOP: connections stay, nothing is answered. */
  freeze(): void
  /** SIGCONT: what was sent meanwhile is answered. */
  thaw(): void
  /** SIGKILL; resolves when it has exited. */
  kill(): Promise<void>
  /** SIGTERM, which lets it write its files; resolves when it has exited. */
  stop(): Promise<void>
  /** Starts it again: the same port, folder and arguments. */
  start(): Promise<void>
}

const tlsFile = (name: string) => fileURLToPath(new URL(`./tls/${name}`, import.meta.url))

/** The authority (PEM) to trust for a server with `tls`: it is good for localhost and 127.0.0.1. */
export const tlsCa: string = readFileSync(tlsFile('ca.pem'), 'utf8')

/**
 * Starts a server without persistence, and resolves once it answers.
 * @throws {NotStarted} with the server's log.
 */
export async function startRedis(options: StartOptions = {}): Promise<RedisServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'redis-')))
  for (let attempt = 1; ; attempt++) {
    const server = new Server(options.port ?? (await freePort()), folder, options)
    try {
      await server.start()
      return server
    } catch (error) {
      if (error instanceof NotStarted && error.portTaken && options.port === undefined && attempt < 5) continue
      await server[Symbol.asyncDispose]()
      throw error
    }
  }
}

class Server implements RedisServer {
  readonly port: number
  readonly folder: string
  readonly #options: StartOptions
  #process: RedisProcess | undefined
  #redis: Redis | undefined

  constructor(port: number, folder: string, options: StartOptions) {
    this.port = port
    this.folder = folder
    this.#options = options
  }

  get url(): string {
    const { tls = false, password } = this.#options
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    return `${tls ? 'rediss' : 'redis'}://${user}127.0.0.1:${this.port}`
  }

  get pid(): number {
    if (this.#process === undefined) throw new Error('The server is not running')
    return this.#process.pid
  }

  get redis(): Redis {
    this.#redis ??= admin(this.url)
    return this.#redis
  }

  freeze(): void {
    this.#process?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#process?.signal('SIGCONT')
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  async stop(): Promise<void> {
    this.thaw()
    await this.#process?.end('SIGTERM')
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error('The server is running already')
    const process = await spawnRedis(argsOf(this.port, this.folder, this.#options), /Ready to accept connections/)
    this.#process = process
    void process.exited.then(() => {
      if (this.#process === process) this.#process = undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis?.disconnect()
    await this.kill()
    if (this.#options.folder === undefined) await rm(this.folder, { recursive: true, force: true })
  }
}

function argsOf(port: number, folder: string, { password, tls = false, args = [] }: StartOptions): string[] {
  const listen = tls ? ['--port', '0', '--tls-port', String(port), ...tlsArgs()] : ['--port', String(port)]
  const always = ['--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no', '--save', '', '--appendonly', 'no']
  return [...listen, ...always, ...(password === undefined ? [] : ['--requirepass', password]), ...args]
}

function tlsArgs(): string[] {
  const files = ['--tls-cert-file', 'server.pem', '--tls-key-file', 'server.key.pem', '--tls-ca-cert-file', 'ca.pem']
  return [...files.map(arg => (arg.startsWith('--') ? arg : tlsFile(arg))), '--tls-auth-clients', 'no']
}

function admin(url: string): Redis {
  const secure = url.startsWith('rediss:') ? { tls: { ca: tlsCa } } : {}
  // A `disconnect()` after the connection has ended keeps a timer of this long, which would hold up the end of the tests.
  const disconnectTimeout = 100
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => 50, disconnectTimeout, ...secure })
  // Servers are ended on purpose here. Without a listener each of it would be printed.
  return redis.on('error', () => {})
}
