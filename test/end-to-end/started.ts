import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach } from '@jest/globals'

const file = fileURLToPath(new URL('../../build/examples/server.js', import.meta.url))
const processes: ChildProcess[] = []

export type Started = ReturnType<typeof start>

/** Starts the built examples in a process of their own, as `npm start` does; with no Redis but that which `env` names. */
export function start(env: Record<string, string>) {
  const { REDIS_URL: _, SSE_REDIS_URL: __, ...others } = process.env
  const child = spawn(process.execPath, [file], {
    env: { ...others, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  processes.push(child)
  return child
}

/** How it ended, and all that it said. */
export async function outcome(child: Started) {
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  return { code, out, err }
}

/** The address that it prints once it listens. */
export async function address(child: Started): Promise<string> {
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return /^.+: (http:\/\/localhost:\d+)\n$/.exec(line)?.[1] ?? `no address in ${line}`
}

/** Kills what the test has started, in the file that calls it. */
export function killStarted(): void {
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill('SIGKILL')
  })
}
