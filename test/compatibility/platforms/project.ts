import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const execute = promisify(execFile)

/** A user's project that has installed the package as it is packed, in a folder of its own. */
export class Project {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'koa-eventfeed-'))

  /** Packs the package, and installs it with the versions of other packages that this project is locked to. */
  async install(names: readonly string[]): Promise<void> {
    const { stdout } = await execute('npm', ['pack', '--silent', '--pack-destination', this.folder], { cwd: root })
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const dependencies = Object.fromEntries(names.map(name => [name, devDependencies[name]]))
    dependencies['koa-eventfeed'] = `file:${stdout.trim().split('\n').at(-1)}`
    const packages = { ...lock.packages, '': { dependencies } }
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
    writeFileSync(join(this.folder, 'package-lock.json'), JSON.stringify({ ...lock, packages }))
    await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent'], { cwd: this.folder })
    for (const files of ['../../package', '../../redis/tls', './project']) this.#copy(files)
  }

  /** Resolves to what a script prints, run by a Node. */
  async run(node: string, ...args: string[]): Promise<string> {
    return (await execute(node, args, { cwd: this.folder, timeout: 15_000 })).stdout
  }

  /** Starts the server app.mjs, run by a Node. */
  serve(node: string, args: readonly string[], env: Record<string, string>): Promise<Server> {
    return Server.start(spawn(node, ['app.mjs', ...args], { cwd: this.folder, env: { ...process.env, ...env } }))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #copy(files: string): void {
    cpSync(fileURLToPath(new URL(files, import.meta.url)), this.folder, { recursive: true })
  }
}

/** A server in a process of its own. Leaving its scope kills it. */
class Server implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #errors: Promise<string>

  private constructor(child: ChildProcess, url: string, errors: Promise<string>) {
    this.#child = child
    this.url = url
    this.#errors = errors
  }

  static async start(child: ReturnType<typeof spawn>): Promise<Server> {
    const { stdout, stderr } = child
    if (!stdout || !stderr) throw new Error('The server has no output')
    const errors = text(stderr)
    const printed = await Promise.race([once(stdout, 'data'), once(child, 'exit')])
    if (child.exitCode !== null) throw new Error(await errors)
    return new Server(child, String(printed[0]).trim(), errors)
  }

  /** Asks it to end, and resolves to its exit code and all that it wrote to stderr. */
  async terminate(): Promise<{ code: number | null; errors: string }> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const [code] = await exited
    return { code, errors: await this.#errors }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
