import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'

/** A redis-server that runs. */
export interface RedisProcess {
  readonly pid: number
  readonly exited: Promise<void>
  /** Sends a signal, and does nothing once it has exited. */
  signal(name: NodeJS.Signals): void
  /** Sends a signal and resolves when it has exited. */
  end(name: NodeJS.Signals): Promise<void>
}

/** Why a server did not start: `portTaken` tells that another port may do. */
export class NotStarted extends Error {
  readonly portTaken: boolean

  constructor(log: string) {
    super(`redis-server did not start. Its log:\n${log}`)
    this.portTaken = /address already in use/i.test(log)
  }
}

/**
 * Runs a redis-server, and resolves once its log has `ready`.
 * @throws {NotStarted} with its log if it exits before that.
 */
export async function spawnRedis(args: readonly string[], ready: RegExp): Promise<RedisProcess> {
  const child = spawn(process.env.REDIS_SERVER_PATH || 'redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  if (child.pid !== undefined) endWithThisProcess(child.pid, exited)
  await logged(child, ready)
  const signal = (name: NodeJS.Signals) => void child.kill(name)
  const end = (name: NodeJS.Signals) => {
    signal(name)
    return exited
  }
  return { pid: child.pid as number, exited, signal, end }
}

// What it logs later is read and dropped: a full pipe would halt the server.
function logged(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    const read = (chunk: string) => {
      log = (log + chunk).slice(-10_000)
      if (ready.test(log)) resolve()
    }
    child.stdout?.setEncoding('utf8').on('data', read)
    child.stderr?.setEncoding('utf8').on('data', read)
    child.once('error', error => reject(error))
    child.once('close', () => reject(new NotStarted(log)))
  })
}

// A shell waits for the end of its input, which comes however this process ends, and ends the server then.
// It has a session of its own, for a Ctrl-C goes to the whole group.
function endWithThisProcess(pid: number, exited: Promise<void>): void {
  const watcher = spawn('sh', ['-c', `read _; kill -KILL ${pid}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.once('error', () => {})
  watcher.unref()
  void exited.then(() => watcher.kill('SIGKILL'))
}

/**
 * A port of 127.0.0.1 that nothing listens on, below those that the system gives to outgoing connections: one of these
 * could otherwise take the port of a server that is down for a while, or be a client that reconnects to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(16_000, 32_000)
    const server = net.createServer().listen(port, '127.0.0.1')
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    await new Promise(resolve => server.close(resolve))
    if (free) return port
  }
}
