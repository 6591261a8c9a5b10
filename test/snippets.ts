import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStream } from 'koa-eventfeed/testing'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Port 3000 may be taken: a snippet that listens there gets a free port, and tells which. */
const FREE_PORT = `
import net from 'node:net'
const { listen } = net.Server.prototype
net.Server.prototype.listen = function (port, ...rest) {
  this.once('listening', () => process.send(this.address().port))
  return listen.call(this, port === 3000 ? 0 : port, ...rest)
}
`

/** The snippets of a Markdown file of this package, as a reader would take them: each a file, run in a process of its own. */
export class Snippets {
  readonly text: string
  readonly #folder: string
  readonly #running: ChildProcess[] = []
  #redisUrl = ''

  /** @param file Its path from the package's root. */
  constructor(file: string) {
    this.text = readFileSync(`${root}${file}`, 'utf8')
    this.#folder = `${root}.setup/${basename(file, '.md').toLowerCase()}`
  }

  of(language: string): string[] {
    const fenced = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')
    return [...this.text.matchAll(fenced)].map(([, code = '']) => code)
  }

  /** Compiles those in TypeScript against the built package; they are run with this REDIS_URL. */
  compile(redisUrl: string): SpawnSyncReturns<string> {
    this.#redisUrl = redisUrl
    const folder = this.#folder
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${folder}/free-port.mjs`, FREE_PORT)
    const compilerOptions = { noEmit: false, rootDir: '.', outDir: 'js', paths: {}, noUnusedLocals: false }
    writeFileSync(
      `${folder}/tsconfig.json`,
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
    )
    for (const [n, code] of this.of('ts').entries()) writeFileSync(`${folder}/snippet-${n}.ts`, code)
    return spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', folder], { encoding: 'utf8' })
  }

  /** Runs the one snippet in TypeScript that holds a text. */
  run(part: string): ChildProcess {
    const found = this.of('ts').flatMap((code, n) => (code.includes(part) ? [n] : []))
    if (found.length !== 1) throw new Error(`${found.length} snippets hold ${part}`)
    const child = spawn(process.execPath, ['--import', './free-port.mjs', `./js/snippet-${found[0]}.js`], {
      cwd: this.#folder,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, SSE_REDIS_URL: '', REDIS_URL: this.#redisUrl },
    })
    this.#running.push(child)
    return child
  }

  /** Runs it, and resolves with its address once it listens. */
  async serve(part: string): Promise<string> {
    return addressOf(this.run(part))
  }

  /** Kills what is running. */
  kill(): void {
    for (const child of this.#running.splice(0)) child.kill()
  }
}

/** The address of a snippet that is run, once it listens. */
export async function addressOf(child: ChildProcess): Promise<string> {
  const [port] = await once(child, 'message')
  return `http://127.0.0.1:${port}`
}

/** The data of a stream's first events. */
export async function dataOf(url: string, count: number): Promise<string[]> {
  const stream = await openStream(url)
  const events = await stream.take(count)
  await stream.close()
  return events.map(event => event.data)
}
