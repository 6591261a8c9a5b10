import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Failure, run } from './run.mjs'

/** What the tests need from outside npm: how each is called, and the Debian package that has it. */
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

/**
 * Finds the program, or installs it from Debian's packages, and puts its path into the program's environment variable.
 * @throws {Failure} saying what to install by hand.
 */
export async function findOrInstall(program) {
  const path = named(program) ?? found(program) ?? (await installed(program))
  if (path === undefined) throw new Failure(byHand(program))
  process.env[program.variable] = path
}

function named({ variable }) {
  const path = process.env[variable]
  if (!path || runs(path)) return path || undefined
  throw new Failure(`${variable} is "${path}", which is not the full path of a program that runs here.`)
}

function found({ commands, paths }) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const onPath = commands.flatMap(command => folders.map(folder => join(folder, command)))
  return [...onPath, ...paths].find(runs)
}

async function installed(program) {
  const prefix = asRoot()
  if (prefix === undefined || !answers('apt-get', ['--version'])) return undefined
  console.error(`Installing ${program.title} from the Debian package "${program.debianPackage}"`)
  const [command, ...apt] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']
  // A failing update is no reason to stop: one broken source of many fails it, and the package may still be had.
  await run(command, [...apt, 'update', '-qq'])
  await run(command, [...apt, 'install', '-y', '-qq', '--no-install-recommends', program.debianPackage])
  return found(program)
}

function asRoot() {
  if (process.getuid?.() === 0) return []
  return answers('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined
}

// Asked for its version, because some systems have a placeholder of that name that only says what to install.
function runs(path) {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return false
  }
  return answers(path, ['--version'])
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
