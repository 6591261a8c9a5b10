import { EventEmitter, once } from 'node:events'
import { WebSocket } from 'undici'

type Fields = Record<string, unknown>

interface Message extends Fields {
  id?: number
  method?: string
  params?: Fields
  result?: Fields
  error?: string
}

/** A connection to a browser's WebDriver BiDi: commands, and its events. */
export class Bidi {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (answer: Message) => void>()
  readonly #events = new EventEmitter()
  #commands = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(`${data}`) as Message))
  }

  static async connect(url: string): Promise<Bidi> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    return new Bidi(socket)
  }

  /** @throws what the browser answers where it cannot do it. */
  async call(method: string, params: Fields): Promise<Fields> {
    const id = ++this.#commands
    const answered = new Promise<Message>(resolve => this.#answers.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result, error, message } = await answered
    if (result === undefined) throw new Error(`${method}: ${error}: ${message}`)
    return result
  }

  on(event: string, listener: (params: Fields) => void): void {
    this.#events.on(event, listener)
  }

  close(): void {
    this.#socket.close()
  }

  #hear(message: Message): void {
    if (message.id === undefined) this.#events.emit(message.method ?? '', message.params)
    else this.#answers.get(message.id)?.(message)
  }
}
