import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createParser } from 'eventsource-parser'
import type { RedisServer } from '../redis/server.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a process told. */
export interface Told {
  begun?: { position: number; lastEventId?: string }
  aborted?: true
  ended?: true
  error?: string
  port?: number
}

/** A process that serves a shared source. */
export class Server {
  readonly told: Told[] = []
  readonly #child: ChildProcess
  readonly #news = new EventEmitter()

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: Told) => {
      this.told.push(message)
      this.#news.emit('told')
    })
  }

  static async start(redis: RedisServer, share: object, last: number): Promise<Server> {
    const settings = JSON.stringify({ url: redis.url, share, last })
    const server = new Server(
      spawn(process.execPath, ['test/shared/serve.mjs', settings], {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    )
    await server.until(({ port }) => port !== undefined)
    return server
  }

  get port(): number {
    return this.told.find(({ port }) => port !== undefined)?.port ?? 0
  }

  get hasBegun(): boolean {
    return this.told.some(({ begun }) => begun)
  }

  async until(is: (told: Told) => unknown): Promise<void> {
    while (!this.told.some(is)) await once(this.#news, 'told')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}

/** What one viewer has seen: a value, or a reset's reason. */
export type Seen = number | string

/** A client that does as EventSource does: it comes back with its last event ID, here to any of the servers that are left. */
export class Watcher {
  readonly seen: Seen[] = []
  readonly #ports: number[]
  #id = ''
  #over = false
  #request: http.ClientRequest | undefined
  readonly #news = new EventEmitter().setMaxListeners(0)

  constructor(ports: number[], first: number) {
    this.#ports = ports
    void this.#watch(ports[first % ports.length] as number)
  }

  async until(is: (seen: readonly Seen[]) => unknown): Promise<void> {
    while (!is(this.seen)) await once(this.#news, 'seen')
  }

  /** Cuts the connection, and goes elsewhere. */
  move(): void {
    this.#request?.destroy()
  }

  close(): void {
    this.#over = true
    this.#request?.destroy()
  }

  async #watch(port: number): Promise<void> {
    for (let at = port; !this.#over; at = this.#ports[Math.floor(Math.random() * this.#ports.length)] as number) {
      await this.#listen(at).catch(() => {})
      await wait(50)
    }
  }

  async #listen(port: number): Promise<void> {
    const headers = this.#id === '' ? {} : { 'Last-Event-ID': this.#id }
    this.#request = http.get({ host: '127.0.0.1', port, path: '/run', headers, agent: false })
    const [response] = (await once(this.#request, 'response')) as [http.IncomingMessage]
    if (response.statusCode === 204) this.#over = true
    const parser = createParser({ onEvent: event => this.#receive(event) })
    for await (const chunk of response.setEncoding('utf8')) parser.feed(chunk)
  }

  #receive({ id, event, data }: { id?: string | undefined; event?: string | undefined; data: string }): void {
    if (id !== undefined) this.#id = id
    if (event === 'stream-open') return
    if (event === 'stream-reset') this.seen.push(`reset ${JSON.parse(data).reason}`)
    else if (event === 'stream-end') this.seen.push(`end ${data}`)
    else this.seen.push(Number(data))
    this.#news.emit('seen')
  }
}
