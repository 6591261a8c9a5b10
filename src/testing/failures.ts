import type { IncomingMessage } from 'node:http'
import { SseError } from '../errors.js'
import { start } from './report.js'

/** How many characters of a body are shown. */
export const shownBody = 200

export function closedHere(): SseError {
  return new SseError('ERR_SSE_CLOSED', 'the stream was closed on this side: open a new one')
}

export function broken(cause: Error): SseError {
  return new SseError('ERR_SSE_BROKEN', 'the connection broke off before the server had ended the stream', { cause })
}

export function notAStream({ statusCode, headers }: IncomingMessage, text: string): SseError {
  const type = headers['content-type'] ?? 'no content type'
  const body = text === '' ? 'no body' : `the body ${JSON.stringify(start(text, shownBody))}`
  return new SseError('ERR_SSE_NOT_A_STREAM', `not an event stream: status ${statusCode}, ${type}, ${body}`)
}
