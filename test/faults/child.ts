import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

type Told = { call: number; value?: unknown; error?: string } | { event: string; value: unknown }

interface Call {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A Node process that runs a file of processes/, with the package as it was built. */
export class Child {
  /** What it told when it was ready. */
  ready: unknown
  /** Whether it has ended by itself, which none should. */
  crashed = false
  readonly exited: Promise<unknown>
  readonly #process: ChildProcess
  readonly #told: (event: string, value: unknown) => void
  readonly #calls = new Map<number, Call>()
  #last = 0
  #ending = false
  #output = ''

  private constructor(file: string, options: object, told: (event: string, value: unknown) => void) {
    this.#told = told
    const path = fileURLToPath(new URL(`./processes/${file}.mjs`, import.meta.url))
    this.#process = fork(path, [JSON.stringify(options)], { execArgv: [], silent: true, serialization: 'advanced' })
    this.exited = once(this.#process, 'close').then(() => this.#ended())
    this.#process.on('message', message => this.#hear(message as Told))
    this.#process.stdout?.resume()
    this.#process.stderr?.on('data', text => {
      this.#output = (this.#output + text).slice(-4_000)
    })
  }

  /** Resolves once it is ready. Rejects with what it wrote to stderr if it ends before. */
  static async start(file: string, options: object, told: (event: string, value: unknown) => void = () => {}) {
    return new Promise<Child>((resolve, reject) => {
      const child: Child = new Child(file, options, (event, value) => {
        if (event !== 'ready') return told(event, value)
        child.ready = value
        resolve(child)
      })
      void child.exited.then(() => reject(new Error(`${file} has ended: ${child.output}`)))
    })
  }

  /** The end of what it wrote to stderr. */
  get output(): string {
    return this.#output
  }

  /** Calls a function of it. Rejects if that does, or it ends. */
  call<T>(name: string, ...args: unknown[]): Promise<T> {
    this.#last += 1
    const call = this.#last
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(call, { resolve: value => resolve(value as T), reject })
      this.#process.send({ call, name, args }, error => error && reject(error))
    })
  }

  /** Sends a signal that ends it, and resolves when it has. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#ending = true
    this.#process.kill(signal)
    await this.exited
  }

  #hear(message: Told): void {
    if ('event' in message) this.#told(message.event, message.value)
    else this.#answered(message)
  }

  #answered({ call: number, value, error }: Extract<Told, { call: number }>): void {
    const call = this.#calls.get(number)
    this.#calls.delete(number)
    if (error === undefined) call?.resolve(value)
    else call?.reject(new Error(error))
  }

  #ended(): void {
    this.crashed = !this.#ending
    for (const { reject } of this.#calls.values()) reject(new Error(`The process has ended: ${this.#output}`))
  }
}
