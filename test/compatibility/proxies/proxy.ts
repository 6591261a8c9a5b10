import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A folder for a proxy's files, which its own user can read and write. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'))
  chmodSync(folder, 0o777)
  return folder
}

/** Writes a file into a folder; its path. */
export function written(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** A proxy that runs in the foreground. Leaving its scope ends it and deletes its folder. */
export type Running = AsyncDisposable

/**
 * Starts a proxy, and resolves once it takes connections.
 * @param ports All that it is to listen on, of 127.0.0.1.
 * @throws {Error} with its log if it exits before that.
 */
export async function startProxy(
  path: string,
  args: readonly string[],
  ports: readonly number[],
  folder: string,
): Promise<Running> {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
  const exited = once(child, 'exit')
  endWithThisProcess(child)
  const log = logOf(child)
  const failed = exited.then(() => {
    throw new Error(`${path} did not start. Its log:\n${log()}`)
  })
  await Promise.race([Promise.all(ports.map(listening)), failed])
  failed.catch(() => {})
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// Read and dropped to the end: a full pipe would halt the proxy.
function logOf(child: ChildProcess): () => string {
  let log = ''
  const read = (chunk: string) => {
    log = (log + chunk).slice(-10_000)
  }
  child.stdout?.setEncoding('utf8').on('data', read)
  child.stderr?.setEncoding('utf8').on('data', read)
  return () => log
}

// A shell waits for the end of its input, which comes however this process ends.
function endWithThisProcess(child: ChildProcess): void {
  const watcher = spawn('sh', ['-c', `read _; kill ${child.pid}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  child.once('exit', () => watcher.kill('SIGKILL'))
}

// None of the proxies says so in a way that the others do.
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (connected) return
    await sleep(20)
  }
}
