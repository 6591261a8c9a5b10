import type { Server } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { clearTimeout, setTimeout } from 'node:timers'
import { setImmediate } from 'node:timers/promises'

/** Where requests go, and how to let go of it. */
export interface Host {
  readonly origin: string
  /** Resolves once what was opened for this host is closed. More than once is harmless. */
  release(): Promise<void>
}

interface Served {
  users: number
  readonly ready: Promise<void>
}

// How long an app may take to see that its clients have left, before its connections are cut.
const grace = 250

// Streams of one server share it: the last one closes it.
const served = new WeakMap<Server, Served>()

/** Serves a server that is not listening yet on 127.0.0.1; one that is listening is only asked where. */
export async function listen(server: Server | HttpsServer): Promise<Host> {
  if (server.listening && !served.has(server)) return { origin: originOf(server), release: async () => {} }
  const entry = served.get(server) ?? { users: 0, ready: start(server) }
  served.set(server, entry)
  entry.users += 1
  let released: Promise<void> | undefined
  const release = () => (released ??= leave(server, entry))
  await entry.ready.catch(async error => {
    await release()
    throw error
  })
  return { origin: originOf(server), release }
}

function start(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function leave(server: Server, entry: Served): Promise<void> {
  entry.users -= 1
  if (entry.users > 0) return
  served.delete(server)
  await new Promise<void>(resolve => {
    const cut = setTimeout(() => server.closeAllConnections(), grace)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
  })
  // The server's 'close' comes before its sockets are gone, which takes two turns of the event loop.
  for (let turn = 0; turn < 2; turn += 1) await setImmediate()
}

function originOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new TypeError('target: the server must listen on a port, as with server.listen(0), not on a pipe')
  }
  const everywhere = address.address === '::' || address.address === '0.0.0.0'
  const host = everywhere ? '127.0.0.1' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${server instanceof HttpsServer ? 'https' : 'http'}://${host}:${address.port}`
}
