import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from '../redis/until.js'

const file = fileURLToPath(new URL('./processes/rolling-serve.mjs', import.meta.url))

/** What a process told its load balancer while it was closing, and how it ended. */
export interface Stopped {
  readonly health: unknown
  readonly exit: readonly unknown[]
}

/** Server processes on ports of 127.0.0.1. Leaving the scope kills them. */
export class RollingServers implements AsyncDisposable {
  readonly #ports: readonly number[]
  readonly #env: NodeJS.ProcessEnv
  readonly #children = new Map<number, ChildProcess>()

  private constructor(ports: readonly number[], env: NodeJS.ProcessEnv) {
    this.#ports = ports
    this.#env = env
  }

  /** Resolves once all are ready. */
  static async start(ports: readonly number[], env: NodeJS.ProcessEnv): Promise<RollingServers> {
    const servers = new RollingServers(ports, env)
    await Promise.all(ports.map(port => servers.#start(port)))
    return servers
  }

  /** Ends one after another by SIGTERM, and starts each again before the next. */
  async restartEach(): Promise<Stopped[]> {
    const stopped: Stopped[] = []
    for (const port of this.#ports) {
      await setTimeout(200)
      stopped.push(await this.#stop(port))
      await this.#start(port)
    }
    return stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#children.values()].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    )
    const exited = running.map(child => once(child, 'exit'))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(exited)
  }

  async #start(port: number): Promise<void> {
    const env = { ...process.env, ...this.#env, PORT: `${port}` }
    this.#children.set(port, spawn(process.execPath, [file], { env, stdio: ['pipe', 'inherit', 'inherit'] }))
    await until(async () => (await ask(port)).status === 200)
  }

  async #stop(port: number): Promise<Stopped> {
    const child = this.#children.get(port) as ChildProcess
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    let health: unknown
    const closing = until(async () => {
      const answer = await ask(port)
      health = await answer.json()
      return answer.status === 503
    })
    await Promise.race([closing, exited])
    return { health, exit: await exited }
  }
}

const ask = (port: number) => fetch(`http://127.0.0.1:${port}/health`, { headers: { Connection: 'close' } })
