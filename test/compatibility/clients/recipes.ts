import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll } from '@jest/globals'
import { transformSync } from 'esbuild'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = `${root}.setup/recipes`
const text = readFileSync(`${root}docs/clients.md`, 'utf8')

/** Port 3000 may be taken: a server that listens there gets a free port, and tells which. */
const FREE_PORT = `
import net from 'node:net'
const { listen } = net.Server.prototype
net.Server.prototype.listen = function (port, ...rest) {
  this.once('listening', () => process.send(this.address().port))
  return listen.call(this, port === 3000 ? 0 : port, ...rest)
}
`

/** The languages of the snippets: `ts` is run by Node, `html` and `js` in a page, the others by what they are named after. */
export type Language = 'ts' | 'html' | 'js' | 'sh' | 'python'

/** One section of docs/clients.md: its title and its snippets, in their order. */
export interface Recipe {
  title: string
  snippets: { language: Language; code: string }[]
}

/** All the sections that have snippets. */
export const recipes: Recipe[] = text
  .split(/^## /m)
  .map(section => ({
    title: section.split('\n', 1)[0] ?? '',
    snippets: [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(match => ({
      language: match[1] as Language,
      code: match[2] ?? '',
    })),
  }))
  .filter(({ snippets }) => snippets.length > 0)

/** The only snippet of a language in a section; or the one that holds a text. */
export function snippet(title: string, language: Language, part = ''): string {
  const codes = recipes
    .filter(recipe => recipe.title === title)
    .flatMap(({ snippets }) => snippets.filter(({ language: is, code }) => is === language && code.includes(part)))
  if (codes.length !== 1) throw new Error(`"${title}" has ${codes.length} snippets in ${language} with "${part}"`)
  return codes[0]?.code ?? ''
}

/** Serves a section's snippet, changed where a test has to; resolves to the port. */
export type ServeRecipe = (title: string, change?: (code: string) => string) => Promise<number>

/** Runs the servers of sections, each once; they are ended after the tests of the file or `describe` that calls it. */
export function recipeServers(): ServeRecipe {
  const ports = new Map<string, Promise<number>>()
  const running: ChildProcess[] = []
  afterAll(() => {
    for (const child of running) child.kill()
  })
  return (title, change = code => code) => {
    const port = ports.get(title) ?? started(change(snippet(title, 'ts')), running)
    ports.set(title, port)
    return port
  }
}

/** The folder in which the servers run, with their files. */
export function recipeFolder(): string {
  mkdirSync(folder, { recursive: true })
  return folder
}

async function started(code: string, running: ChildProcess[]): Promise<number> {
  const freePort = `data:text/javascript,${encodeURIComponent(FREE_PORT)}`
  const { code: js } = transformSync(code, { loader: 'ts', format: 'esm' })
  const child = spawn(process.execPath, ['--import', freePort, '--input-type=module', '--eval', js], {
    cwd: recipeFolder(),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, SSE_REDIS_URL: '', REDIS_URL: '' },
  })
  running.push(child)
  const [port] = await once(child, 'message')
  return port as number
}
