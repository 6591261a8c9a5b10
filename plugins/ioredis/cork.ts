import process from 'node:process'
import type { Writable } from 'node:stream'

const corked = new WeakSet<Writable>()

/** Sends what is written to a socket from now until this turn's promises have settled as one: each write of its own costs a system call. */
export function corkThisTurn(socket: Writable | undefined): void {
  if (!socket || corked.has(socket)) return
  corked.add(socket)
  socket.cork()
  process.nextTick(uncork, socket)
}

function uncork(socket: Writable): void {
  corked.delete(socket)
  socket.uncork()
}
