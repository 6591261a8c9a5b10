import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

const program = fileURLToPath(new URL('flask-peer.py', import.meta.url))

/** A process of Python that follows a channel and publishes to it as a Flask application does. */
export interface FlaskPeer extends Disposable {
  /** The events that its clients have got. */
  readonly events: EventSourceMessage[]
  /** Resolves once it has shown so many. Rejects if it has died. */
  shown(count: number): Promise<void>
  publish(message: { data: unknown; type?: string; id?: string; retry?: number }): void
}

/** Starts one, and resolves once it follows the channel. */
export async function flaskPeer(port: number, channel: string): Promise<FlaskPeer> {
  const child = spawn('python3', [program, `${port}`, channel], { stdio: ['pipe', 'pipe', 'inherit'] })
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`The peer has ended with ${code}`)
  })
  died.catch(() => {}) // it is looked at when somebody waits
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: event => events.push(event) })
  child.stdout.setEncoding('utf8').on('data', text => parser.feed(text))
  await Promise.race([once(child.stdout, 'data'), died])
  return {
    events,
    shown: async count => {
      while (events.length < count) await Promise.race([once(child.stdout, 'data'), died])
    },
    publish: message => void child.stdin.write(`${JSON.stringify(message)}\n`),
    [Symbol.dispose]: () => void child.kill(),
  }
}
