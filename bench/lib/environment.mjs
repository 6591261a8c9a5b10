import { readFileSync } from 'node:fs'
import os from 'node:os'
import process from 'node:process'
import { cores } from './processes.mjs'

/** What figures are worth nothing without: the machine, and the versions of all that was measured. */
export function environment() {
  const { versions, platform, arch } = process
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.cpus().length} × ${os.cpus()[0].model}, ${Math.round(os.totalmem() / 1e9)} GB, ${platform} ${os.release()} ${arch}`,
    pinned: cores.server !== undefined,
    node: versions.node,
    packages: { ...installed('..', ['koa-eventfeed', 'koa']), ...installed('../peers', peers()) },
  }
}

const read = path => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

const peers = () => Object.keys(read('../peers/package.json').dependencies)

function installed(folder, names) {
  const own = read('../../package.json')
  const versionOf = name => (name === own.name ? own.version : versionIn(folder, name))
  return Object.fromEntries(names.map(name => [name, versionOf(name)]))
}

function versionIn(folder, name) {
  const base = folder === '..' ? '../..' : folder
  try {
    return read(`${base}/node_modules/${name}/package.json`).version
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return 'not installed'
  }
}
