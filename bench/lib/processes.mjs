import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const canPin = spawnSync('taskset', ['-c', '1', process.execPath, '--version']).status === 0

/** Where the server and the client run; undefined where that cannot be chosen. */
export const cores = canPin ? { server: 0, client: 1 } : { server: undefined, client: undefined }

const CLIENT = new URL('../client/main.mjs', import.meta.url)

/** An answer did not come within its time. */
export class Late extends Error {}

/** A JavaScript file in a process of its own, on a core of its own where that can be. It is asked by name, and tells by itself. */
export class Worker {
  #child
  #asked = new Map()
  #told = new Map()
  #ids = 0

  constructor(file, core, { env = {}, flags = [] } = {}) {
    const command = [process.execPath, ...flags, fileURLToPath(file)]
    if (core !== undefined) command.unshift('taskset', '-c', String(core))
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc']
    this.#child = spawn(command[0], command.slice(1), {
      stdio,
      env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1', ...env },
    })
    this.#child.on('message', message => this.#take(message))
    this.#child.on('exit', code => this.#fail(new Error(`${file.pathname.split('/').pop()} ended with ${code}`)))
    this.#child.on('error', error => this.#fail(error))
  }

  get pid() {
    return this.#child.pid
  }

  /** Resolves to its answer. */
  ask(name, order, ms = 60_000) {
    const id = ++this.#ids
    this.#child.send({ id, name, order }, () => {}) // one that has ended is told by its end
    return this.#wait(this.#asked, id, ms, name)
  }

  /** Resolves to what it tells once under a name. */
  told(name, ms = 60_000) {
    return this.#wait(this.#told, name, ms, name)
  }

  async stop() {
    this.#fail(new Error('stopped'))
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL') // an orderly end of ten thousand streams takes long, and is not what is measured
    await once(this.#child, 'exit')
  }

  #wait(waiting, key, ms, name) {
    const promise = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Late(`'${name}' took more than ${ms / 1_000} s`)), ms)
      waiting.set(key, { resolve, reject, timer })
    })
    promise.catch(() => {}) // it may be stopped before anybody waits
    return promise
  }

  #take({ id, answer, ...told }) {
    if (id !== undefined) settle(this.#asked, id, 'resolve', answer)
    for (const [name, value] of Object.entries(told)) settle(this.#told, name, 'resolve', value)
  }

  #fail(error) {
    for (const waiting of [this.#asked, this.#told])
      for (const key of waiting.keys()) settle(waiting, key, 'reject', error)
  }
}

function settle(waiting, key, how, value) {
  const { [how]: act, timer } = waiting.get(key) ?? { [how]: () => {} }
  waiting.delete(key)
  clearTimeout(timer)
  act(value)
}

/** The client, which waits to be told what to open. */
export const startClient = () => new Worker(CLIENT, cores.client)
