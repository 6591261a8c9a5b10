import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { SseError } from '../errors.js'
import type { Plan } from './options.js'
import { late, Waiters, waiting } from './waiters.js'

/** A request whose answer has begun. */
export interface Exchange {
  readonly response: IncomingMessage
  /** Resolves once the socket is closed. */
  close(): Promise<void>
}

/** Sends the request on a connection of its own and waits for the headers of the answer. */
export async function exchange(url: URL, plan: Plan, lastEventId: string): Promise<Exchange> {
  const secure = url.protocol === 'https:'
  // Keeps the connection alive as a browser does: the default would ask the server to close it after the answer.
  const agent = secure ? new https.Agent({ ...plan.https, keepAlive: true }) : new http.Agent({ keepAlive: true })
  const { method, signal } = plan
  const request = (secure ? https : http).request(url, { agent, method, ...(signal && { signal }) })
  const close = closer(request, agent)
  try {
    send(request, plan, lastEventId)
    return { response: await answer(request, plan), close }
  } catch (error) {
    await close()
    throw signal?.aborted ? signal.reason : error
  }
}

function send(request: ClientRequest, plan: Plan, lastEventId: string): void {
  for (const [name, value] of Object.entries(plan.headers)) {
    if (value === undefined) request.removeHeader(name)
    else request.setHeader(name, value)
  }
  // The bytes of UTF-8, one character each: Node writes a header as latin1.
  if (lastEventId !== '') request.setHeader('last-event-id', Buffer.from(lastEventId).toString('latin1'))
  // Never a string: Node would write the headers in the encoding of the body.
  request.end(plan.body)
}

async function answer(request: ClientRequest, { timeout }: Plan): Promise<IncomingMessage> {
  const waiters = new Waiters()
  let outcome: { response: IncomingMessage } | { error: Error } | undefined
  const settle = (value: NonNullable<typeof outcome>) => {
    outcome ??= value
    waiters.changed()
  }
  request.once('response', response => settle({ response }))
  // Stays for as long as the request lives: an error after the answer has begun is the response's to tell.
  request.on('error', error => settle({ error }))
  const found = await waiters.until(() => outcome ?? waiting, timeout)
  if (found === late) throw new SseError('ERR_SSE_TIMEOUT', `waited ${timeout} ms for the headers of a response`)
  if ('error' in found) throw found.error
  return found.response
}

function closer(request: ClientRequest, agent: http.Agent): () => Promise<void> {
  const requestClosed = new Promise<void>(resolve => request.once('close', resolve))
  // Not the socket's `closed`: that is true before the socket is.
  let socketClosed: Promise<void> | undefined
  request.once('socket', socket => {
    socketClosed = new Promise(resolve => socket.once('close', () => resolve()))
  })
  return async () => {
    request.on('error', () => {})
    request.destroy()
    await requestClosed
    agent.destroy()
    await socketClosed
  }
}
