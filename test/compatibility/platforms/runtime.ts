import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../../../node_modules/.cache/koa-eventfeed/', import.meta.url))

/**
 * The path of a Node of exactly this version: this process's own, or one from npm's packages of Node's programs, which is kept for
 * the next time.
 * @throws Error if it cannot be had, or does not run here.
 */
export async function nodeOf(version: string): Promise<string> {
  if (version === process.versions.node) return process.execPath
  const program = join(cache, `node-${version}-${process.platform}-${process.arch}`)
  if (!existsSync(program)) await fetchNode(version, program)
  const { stdout } = await run(program, ['--version'])
  if (stdout.trim() !== `v${version}`) throw new Error(`${program} is Node ${stdout}`)
  return program
}

// The package `node` does the same in a script at its installation: it picks the one package of many that is for this machine.
async function fetchNode(version: string, program: string): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'node-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
    const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await run('npm', ['install', ...options, `${name}@${version}`], { cwd: folder, timeout: 60_000 })
    // At once, so that nobody finds half of it.
    renameSync(join(folder, 'node_modules', name, 'bin/node'), program)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
