import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type Koa from 'koa'

/** Milliseconds over which SIGTERM ends the streams, so that their clients do not all come to the next server at once. */
const DRAIN = 2_000

/**
 * Serves `app` on the port that the variable PORT names, 3000 without it, and prints the address. SIGTERM ends the open streams one
 * after another and then the process; Ctrl-C, or a second signal, ends them at once. A port that cannot be had is said in one line,
 * with exit code 1.
 * @param close Called before the process ends: within so many milliseconds, and given a second more.
 */
export function listen(app: Koa, close: (within: number) => Promise<void>): void {
  const { PORT } = process.env
  const port = readPort(PORT || '3000')
  const server = app.listen(port)
  server.on('listening', () => {
    console.log(`The examples of koa-eventfeed: http://localhost:${(server.address() as AddressInfo).port}`)
  })
  server.on('error', (error: NodeJS.ErrnoException) => fail(whyNot(error, port)))
  let signals = 0
  const stopOnce = (within: number) => {
    signals += 1
    void stop(server, close, signals > 1 ? 0 : within)
  }
  process.on('SIGINT', () => stopOnce(0))
  process.on('SIGTERM', () => stopOnce(DRAIN))
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  return fail(`PORT must be a whole number from 0 to 65535, not "${text}".`)
}

function whyNot({ code, message }: NodeJS.ErrnoException, port: number): string {
  const another = `PORT=${port === 3000 ? 3001 : 3000} npm start`
  if (code === 'EADDRINUSE') return `Port ${port} is already taken. Choose another one: ${another}`
  if (code === 'EACCES') return `Port ${port} needs more rights than this user has. Choose another one: ${another}`
  return `Cannot listen on port ${port}: ${message}`
}

/** Ends the process with a word for the reader. */
export function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

// The server takes requests until its streams are over: clients that come meanwhile are told when to come back.
async function stop(server: Server, close: (within: number) => Promise<void>, within: number): Promise<void> {
  await Promise.race([close(within).catch(() => {}), setTimeout(within + 1_000)])
  const closed = once(server.close(), 'close')
  server.closeAllConnections() // requests that are no streams, and who does not read to the end
  await closed
  process.exit()
}
