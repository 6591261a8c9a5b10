import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Failure, run } from './run.mjs'

/**
 * What the tests need from outside npm: how each is called, and the Debian package that has it. A package's
 * `services` are left off: tests start their own servers, and the machine's port is not ours to take.
 */
export const chromium = {
  title: 'a browser (Chromium or Google Chrome)',
  variable: 'CHROMIUM_PATH',
  commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  paths: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  debianPackage: 'chromium',
}

export const redis = {
  title: 'a Redis server (Redis or Valkey, version 7 or later)',
  variable: 'REDIS_SERVER_PATH',
  commands: ['redis-server', 'valkey-server'],
  paths: ['/opt/homebrew/bin', '/usr/local/bin'].flatMap(bin => [`${bin}/redis-server`, `${bin}/valkey-server`]),
  debianPackage: 'redis-server',
  services: ['redis-server'],
  suits: version => Number(/\bv=(\d+)/.exec(version)?.[1]) >= 7,
}

// Not every user has Debian's folder for servers on the PATH.
const server = (command, folders) => ({ commands: [command], paths: folders.map(folder => `${folder}/${command}`) })
const homebrew = '/opt/homebrew/bin'

export const nginx = {
  title: 'nginx',
  variable: 'NGINX_PATH',
  ...server('nginx', ['/usr/sbin', homebrew]),
  versionOption: '-v',
  debianPackage: 'nginx',
  services: ['nginx'],
}

export const haproxy = {
  title: 'HAProxy',
  variable: 'HAPROXY_PATH',
  ...server('haproxy', ['/usr/sbin', homebrew]),
  versionOption: '-v',
  debianPackage: 'haproxy',
  services: ['haproxy'],
}

export const varnish = {
  title: 'Varnish',
  variable: 'VARNISHD_PATH',
  ...server('varnishd', ['/usr/sbin', '/opt/homebrew/sbin']),
  versionOption: '-V',
  debianPackage: 'varnish',
  services: ['varnish', 'varnishncsa'],
}

export const firefox = {
  title: 'Firefox',
  variable: 'FIREFOX_PATH',
  commands: ['firefox-esr', 'firefox'],
  paths: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
  debianPackage: 'firefox-esr',
}

/**
 * Finds the program, or installs it from Debian's packages, and puts its path into the program's environment variable.
 * @throws {Failure} saying what to install by hand.
 */
export async function findOrInstall(program) {
  if (!(await isThere(program))) throw new Failure(byHand(program))
}

/** Like `findOrInstall`, for a program whose own tests are left out where it cannot be had: says so, and goes on. */
export async function findOrSkip(program) {
  if (!(await isThere(program))) console.error(`${byHand(program)}\nUntil then the tests that need it are skipped.`)
}

async function isThere(program) {
  const path = named(program) ?? found(program) ?? (await installed(program))
  if (path !== undefined) process.env[program.variable] = path
  return path !== undefined
}

function named(program) {
  const { title, variable } = program
  const path = process.env[variable]
  if (!path || runs(path, program)) return path || undefined
  throw new Failure(`${variable} is "${path}", which is not the full path of ${title} that runs here.`)
}

function found(program) {
  const { commands, paths } = program
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const onPath = commands.flatMap(command => folders.map(folder => join(folder, command)))
  return [...onPath, ...paths].find(path => runs(path, program))
}

// Once for all programs.
let updated

async function installed(program) {
  const prefix = asRoot()
  if (prefix === undefined || !answers('apt-get', ['--version'])) return undefined
  const { title, debianPackage, services = [] } = program
  console.error(`Installing ${title} from the Debian package "${debianPackage}"`)
  const asAdmin = administrator([...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive'], services)
  // A failing update is no reason to stop: one broken source of many fails it, and the package may still be had.
  updated ??= asAdmin('apt-get', 'update', '-qq')
  await updated
  await asAdmin('apt-get', 'install', '-y', '-qq', '--no-install-recommends', debianPackage)
  const path = found(program)
  if (path !== undefined) for (const service of services) await asAdmin('update-rc.d', service, 'disable')
  return path
}

// Debian starts a service as soon as it is installed. Offline, systemctl starts nothing.
function administrator(prefix, services) {
  const [command, ...before] = services.length > 0 ? [...prefix, 'SYSTEMD_OFFLINE=1'] : prefix
  return (...words) => run(command, [...before, ...words])
}

function asRoot() {
  if (process.getuid?.() === 0) return []
  return answers('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined
}

// Asked for its version, because some systems have a placeholder of that name that only says what to install.
function runs(path, { versionOption = '--version', suits = () => true }) {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return false
  }
  const { status, stdout } = spawnSync(path, [versionOption], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' })
  return status === 0 && suits(stdout)
}

function answers(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function byHand({ title, commands, variable, debianPackage }) {
  return [
    `The tests need ${title}, and none was found or could be installed. Install it by hand`,
    `(on Debian as root: apt-get install ${debianPackage}) so that one of these is on the PATH: ${commands.join(', ')};`,
    `or set ${variable} to the full path of the program.`,
  ].join('\n')
}
