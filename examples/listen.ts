import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type Koa from 'koa'

/**
 * Serves `app` on the port that the variable PORT names, 3000 without it, and prints the address. Ctrl-C or SIGTERM
 * ends the open streams and the process. A port that cannot be had is said in one line, with exit code 1.
 * @param close Called before the process ends, and given a second at most.
 */
export function listen(app: Koa, close: () => Promise<void>): void {
  const { PORT } = process.env
  const port = readPort(PORT || '3000')
  const server = app.listen(port)
  server.on('listening', () => {
    console.log(`The examples of koa-eventfeed: http://localhost:${(server.address() as AddressInfo).port}`)
  })
  server.on('error', (error: NodeJS.ErrnoException) => fail(whyNot(error, port)))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(server, close))
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

async function stop(server: Server, close: () => Promise<void>): Promise<void> {
  const closed = once(server.close(), 'close')
  await Promise.race([close().catch(() => {}), setTimeout(1_000)])
  server.closeAllConnections() // close() alone waits for ever: a stream is a connection in use
  await closed
  process.exit()
}
