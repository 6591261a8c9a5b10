import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The folder of the clone. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A reason to stop that the reader can act on, so it is shown without a stack trace. */
export class Failure extends Error {
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Runs a script's one async task; what it throws becomes a message and the exit code. */
export function main(task) {
  endWithNpm()
  task().catch(error => {
    const forTheReader = error instanceof Failure || error.code === 'EACCES' || error.code === 'EPERM'
    console.error(forTheReader ? error.message : error)
    process.exitCode = error.exitCode ?? 1
  })
}

// `npm start` that gets a SIGTERM passes it to the shell between npm and this process, and no further.
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 100)
  watch.unref()
}

/**
 * Runs a program in the clone's folder with this process's input and output, `env` added to its environment.
 * Resolves with its exit code. Signals to this process end the child first, then this process.
 * The AbortSignal `kill` ends the child at once.
 */
export function run(command, args, { env = {}, kill } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
    const release = passSignalsTo(child)
    kill?.addEventListener('abort', () => child.kill('SIGKILL'))
    child.once('error', error => {
      release()
      reject(new Failure(`${command} could not be started: ${error.message}`, 127))
    })
    child.once('close', (code, signal) => {
      const received = release()
      if (received) process.kill(process.pid, received)
      else resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

/** Like `run`, for a JavaScript file: no shell and no PATH is involved. */
export function runNode(args, options) {
  return run(process.execPath, args, options)
}

// Without this, a SIGTERM to `npm start` during its set-up would leave npm or the compiler behind.
function passSignalsTo(child) {
  let received
  const pass = signal => {
    received = signal
    child.kill(signal)
  }
  process.on('SIGINT', pass).on('SIGTERM', pass)
  return () => {
    process.off('SIGINT', pass).off('SIGTERM', pass)
    return received
  }
}
