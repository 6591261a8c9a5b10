import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from '@jest/globals'
import { freePort } from '../../redis/process.js'
import { type Origin, serveOrigin } from './origin.js'
import { type Running, startProxy, temporaryFolder } from './proxy.js'

/** Where a proxy is to run, and before what. */
export interface Place<Name extends string> {
  /** A temporary one, for its configuration and what it writes. */
  readonly folder: string
  /** What it is to listen on, by name. */
  readonly ports: Record<Name, number>
  readonly origin: number
}

/** A proxy before an origin, for the tests of the file that calls it. */
export interface Stage<Name extends string> {
  origin(): Origin
  /** How to build a URL of a port: its scheme, `h2:` for HTTP/2 with TLS. */
  url(scheme: 'http' | 'https' | 'h2', name: Name): () => string
}

/** @param args Writes the configuration and returns the command line. */
export function stage<Name extends string>(
  path: string,
  names: readonly Name[],
  args: (place: Place<Name>) => string[],
): Stage<Name> {
  let running: { origin: Origin; proxy: Running; ports: Record<Name, number> }

  beforeAll(async () => {
    const origin = await serveOrigin()
    const ports = await freePorts(names)
    const folder = temporaryFolder()
    const command = args({ folder, ports, origin: origin.port })
    const proxy = await startProxy(path, command, Object.values<number>(ports), folder)
    running = { origin, proxy, ports }
  })

  afterAll(async () => {
    await running.origin[Symbol.asyncDispose]()
    await running.proxy[Symbol.asyncDispose]()
  })

  return {
    origin: () => running.origin,
    url: (scheme, name) => () => `${scheme}://127.0.0.1:${running.ports[name]}`,
  }
}

export async function freePorts<Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const ports = await Promise.all(names.map(async name => [name, await freePort()] as const))
  return Object.fromEntries(ports) as Record<Name, number>
}

/** A certificate for 127.0.0.1, and its key. */
export const certificate = fileURLToPath(new URL('../../redis/tls/server.pem', import.meta.url))
export const certificateKey = fileURLToPath(new URL('../../redis/tls/server.key.pem', import.meta.url))
