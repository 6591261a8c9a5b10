import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The version that an installed package tells. */
export function packageVersion(name: string): string {
  const file = new URL(`../../../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The version that a program prints; `missing` where it is not installed. */
export function programVersion(path: string): string {
  const { stdout } = spawnSync(path, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' })
  return /\d+(\.\d+)+\w*/.exec(stdout ?? '')?.[0] ?? 'missing'
}
