import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from '@jest/globals'

/** A program that is no npm package: what it is called, and how it is asked for its version. */
export interface Program {
  readonly title: string
  readonly command: string
  /** The environment variable that may name its path: `npm test` sets those of the proxies. */
  readonly variable: string
  readonly versionOption: string
}

export const nginx = { title: 'nginx', command: 'nginx', variable: 'NGINX_PATH', versionOption: '-v' }
export const haproxy = { title: 'HAProxy', command: 'haproxy', variable: 'HAPROXY_PATH', versionOption: '-v' }
export const varnish = { title: 'Varnish', command: 'varnishd', variable: 'VARNISHD_PATH', versionOption: '-V' }
export const systemd = {
  title: 'systemd',
  command: 'systemd-analyze',
  variable: 'SYSTEMD_ANALYZE_PATH',
  versionOption: '--version',
}

// `npm test` has said how to install what is not there.
function pathOf({ command, variable }: Program): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].filter(Boolean)
  return process.env[variable] || folders.map(folder => join(folder, command)).find(existsSync)
}

/** Describes what holds for the version that is installed; where there is none, the tests are skipped, under a name that says so. */
export function describeProgram(program: Program, tests: (path: string) => void): void {
  const path = pathOf(program)
  if (path === undefined) describe.skip(`${program.title} (not installed)`, () => tests(program.command))
  else describe(`${program.title} ${versionOf(path, program)}`, () => tests(path))
}

function versionOf(path: string, { versionOption }: Program): string {
  const { stdout, stderr } = spawnSync(path, [versionOption], { encoding: 'utf8' })
  return /\d+\.\d\S*|\d+/.exec(stdout + stderr)?.[0] ?? 'of a version that it does not tell'
}
