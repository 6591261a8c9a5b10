import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const PEERS = new URL('../peers/', import.meta.url)
const OWN = ['koa-eventfeed', 'koa-passthrough', 'node-http']

/** Those that are measured where none are named. */
export const SERVERS = ['koa-eventfeed', 'better-sse', 'fastify-sse', 'hono', 'koa-passthrough', 'node-http']

/** The one that the others are compared with. */
export const BASE = 'better-sse'

/** A server by its name, or by its file: one that anybody wrote with servers/kit.mjs. */
export function serverOf(name) {
  if (name.endsWith('.mjs')) return { name: name.replace(/^.*\/|\.mjs$/g, ''), file: pathToFileURL(resolve(name)) }
  if (!SERVERS.includes(name))
    throw new Error(`There is no server ${name}: it is a .mjs file, or one of ${SERVERS.join(', ')}`)
  return {
    name,
    file: OWN.includes(name) ? new URL(`../servers/${name}.mjs`, import.meta.url) : new URL(`${name}.mjs`, PEERS),
  }
}

/** Installs what the peers need, once. */
export function installPeers(servers) {
  if (!servers.some(({ file }) => file.href.startsWith(PEERS.href)) || existsSync(new URL('node_modules', PEERS)))
    return
  console.error('Installs the peers into bench/peers/node_modules.')
  const cwd = fileURLToPath(PEERS)
  const shell = process.platform === 'win32'
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd, shell, stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm ci in ${cwd} failed`)
}
