import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { constants, createGunzip } from 'node:zlib'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { tlsCa as ca } from '../../redis/server.js'

/** A response of Node's own clients, read by another parser than ours. Leaving its scope closes the connection. */
export interface Received extends Disposable {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The next event. Rejects once the stream is over. */
  next(): Promise<EventSourceMessage>
  /** Resolves when the stream is over, whether it was ended or cut. */
  over(): Promise<void>
  leave(): void
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
  leave(): void
}

/** Asks for a stream, and resolves with the headers. A URL that begins with `h2:` is asked over HTTP/2 with TLS. */
export async function open(url: string, headers: Record<string, string> = {}): Promise<Received> {
  const answer = await ask(url, { accept: 'text/event-stream', ...headers })
  const events = read(answer)
  const next = async () => {
    const { value, done } = await events.next()
    if (done) throw new Error('The stream is over')
    return value
  }
  const over = async () => {
    for (let ended = false; !ended; ) ended = await events.next().then(({ done }) => done === true, isCut)
  }
  const { status, leave } = answer
  return { status, headers: answer.headers, next, over, leave, [Symbol.dispose]: leave }
}

/** The text of a response that is no stream. */
export async function textOf(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { body, leave } = await ask(url, headers)
  const all = await text(body)
  leave()
  return all
}

const ask = (url: string, headers: Record<string, string>) =>
  url.startsWith('h2:') ? overHttp2(url, headers) : overHttp1(url, headers)

const isCut = () => true

async function overHttp1(url: string, headers: Record<string, string>): Promise<Answer> {
  const request = url.startsWith('https:')
    ? https.get(url, { headers, ca, agent: false })
    : http.get(url, { headers, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.once('error', () => {})
  const leave = () => void request.destroy()
  return { status: response.statusCode as number, headers: response.headers, body: response, leave }
}

async function overHttp2(url: string, headers: Record<string, string>): Promise<Answer> {
  const { pathname, search, host } = new URL(url.replace('h2:', 'https:'))
  const session = http2.connect(`https://${host}`, { ca })
  session.on('error', () => {})
  const body = session.request({ ...headers, ':path': pathname + search })
  const [head] = (await once(body, 'response')) as [IncomingHttpHeaders & { ':status': number }]
  body.once('error', () => {})
  const leave = () => {
    body.close(http2.constants.NGHTTP2_CANCEL)
    session.close()
  }
  return { status: head[':status'], headers: head, body, leave }
}

async function* read({ headers, body }: Answer): AsyncGenerator<EventSourceMessage> {
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: event => events.push(event) })
  const zipped = headers['content-encoding'] === 'gzip'
  const plain = zipped ? body.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })) : body
  for await (const chunk of plain.setEncoding('utf8')) {
    parser.feed(chunk)
    yield* events.splice(0)
  }
}
