import { SseError, type SseErrorCode } from '../../src/errors.js'

/** What an error of ioredis says about the command: it was not sent, not executed, refused for good, or nothing is known. */
export type Verdict = 'unsent' | 'passing' | 'lost' | SseError

/** Answers that say: not now. */
const PASSING = ['LOADING', 'READONLY', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY', 'NOREPLICAS', 'MOVED', 'ASK']

const CODES: Readonly<Record<string, SseErrorCode>> = {
  WRONGPASS: 'ERR_SSE_CREDENTIALS',
  NOAUTH: 'ERR_SSE_CREDENTIALS',
  NOPERM: 'ERR_SSE_FORBIDDEN',
}

/** What Redis 7.0 says of a right that a command lacks in a script, without a word to tell it by. */
const FORBIDDEN = "ERR The user executing the script can't"

/** A failure that passes, and is not Redis' own. */
export class Passing extends Error {}

/** Judges what a command was rejected with. */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof SseError) return error
  if (error instanceof Passing) return 'passing'
  const { name, message } = error as Error
  if (message?.includes('enableOfflineQueue')) return 'unsent'
  if (message?.startsWith('Too many Cluster redirections')) return 'passing'
  if (name !== 'ReplyError') return 'lost'
  return PASSING.includes(prefixOf(message)) ? 'passing' : refusal(error)
}

/** What Redis has refused, as an error that callers know. */
export function refusal(error: unknown): SseError {
  const { message } = error as Error
  const word = message.startsWith(FORBIDDEN) ? 'NOPERM' : prefixOf(message)
  const code = CODES[word] ?? 'ERR_SSE_REFUSED'
  return new SseError(code, `Redis refused: ${discreet(message)}`, { cause: bare(error) })
}

/** Why a connection does not work. */
export function connectionFailure(error: unknown): SseError {
  const { lastNodeError = error } = error as { lastNodeError?: unknown }
  const { name, message } = lastNodeError as Error
  if (name === 'ReplyError' && CODES[prefixOf(message)] !== undefined) return refusal(lastNodeError)
  return unreachable(message || (lastNodeError as NodeJS.ErrnoException).code || 'no connection', lastNodeError)
}

export function unreachable(why: string, error?: unknown): SseError {
  return new SseError(
    'ERR_SSE_UNREACHABLE',
    `Redis cannot be reached: ${discreet(why)}`,
    error ? { cause: bare(error) } : {},
  )
}

export function uncertain(): SseError {
  const message = 'Redis did not answer in time whether it took the event: it may have been published, or not'
  return new SseError('ERR_SSE_UNCERTAIN', message)
}

export function closed(plugin: string): SseError {
  return new SseError('ERR_SSE_PLUGIN_CLOSED', `The ${plugin} plugin is closed: make a new one`)
}

const prefixOf = (message: string) => /^[A-Z]+/.exec(message)?.[0] ?? ''

// Redis repeats what it does not know: events, or a password.
const discreet = (message: string) => message.replace(/, with args beginning with: .*/s, '')

// ioredis adds the command with its arguments, which are events, or a password.
function bare(error: unknown): Error {
  const { name, message, code } = error as NodeJS.ErrnoException
  const copy: NodeJS.ErrnoException = new Error(discreet(message))
  copy.name = name
  if (code !== undefined) copy.code = code
  return copy
}
