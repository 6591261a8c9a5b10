import { once } from 'node:events'
import net from 'node:net'
import { type Answer, answerIn } from './response.js'

/** The bytes of a request. */
export interface Sent {
  readonly bytes: Buffer
  /** It may lack its end, or hold more than one request: it has a connection of its own, which this side half-closes. */
  readonly isOdd?: boolean
}

/** Milliseconds within which every request is answered. */
const LONGEST = 10_000

/** A connection that is kept for one request after the other, and made anew where it cannot be. */
export class Lane {
  readonly #port: number
  #socket: net.Socket | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** Resolves to the response, or undefined where the server closed the connection without one. */
  async exchange({ bytes, isOdd = false }: Sent): Promise<Answer | undefined> {
    if (isOdd) this.close()
    this.#socket ??= await connected(this.#port)
    const socket = this.#socket
    socket.write(bytes)
    if (isOdd) socket.end()
    const answer = await answerOn(socket, bytes.subarray(0, 5).toString('latin1') === 'HEAD ')
    if (isOdd || !answer?.keepsOpen || socket.destroyed) this.close()
    return answer
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {}) // a connection that is reset has no answer, and that is judged
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  return socket
}

function answerOn(socket: net.Socket, toHead: boolean): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const settle = (act: () => void) => {
      clearTimeout(timer)
      socket.off('data', more).off('close', over)
      act()
    }
    const look = (isOver: boolean) => {
      try {
        const answer = answerIn(received, toHead, isOver)
        if (answer || isOver) settle(() => resolve(answer))
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const more = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      look(false)
    }
    const over = () => look(true)
    const late = () => settle(() => reject(new Error(`no answer within ${LONGEST} ms`)))
    const timer = setTimeout(late, LONGEST)
    if (socket.destroyed) over()
    else socket.on('data', more).on('close', over)
  })
}
