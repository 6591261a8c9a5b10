import { createSecretKey, type KeyObject } from 'node:crypto'
import { knownNames, MAX_TIMEOUT, oneOf, positive, wrong } from '../../src/checks.js'

/** Options of `subscriptionTokens`. */
export interface SubscriptionTokenOptions {
  /**
   * What tokens are signed with, the same in all processes: at least 32 random bytes, or a text of as many. Of a list the first signs,
   * and all are taken: let every process take a new one before the first process signs with it.
   */
  secret: Secret | readonly Secret[] | undefined
  /**
   * Milliseconds for which a token is good, to the next full second.
   * @default 300_000
   */
  expiresIn?: number | undefined
  /**
   * What the tokens are for, as their claim `aud`: those of another purpose are not taken, though the same secret has signed them.
   * @default 'koa-eventfeed'
   */
  audience?: string | undefined
  /** The query's parameter that holds the token. Left out, none is looked for there: addresses end up in logs. */
  query?: string | undefined
  /**
   * The cookie that holds the token: its name, or name and attributes; `false` for none. Where a request has a token in its query
   * too, that one counts.
   * @default 'sse-token'
   */
  cookie?: string | TokenCookie | false | undefined
}

/** What tokens are signed with: at least 32 bytes, or a text of as many. */
export type Secret = string | Uint8Array

/** A cookie that scripts cannot read, and that is sent over TLS only if it was set over TLS. */
export interface TokenCookie {
  /** @default 'sse-token' */
  name?: string | undefined
  /**
   * Where it is sent: the path of the streams, say.
   * @default '/'
   */
  path?: string | undefined
  /** `example.com` for the streams of `events.example.com` too. Left out, it is sent to the host only that has set it. */
  domain?: string | undefined
  /**
   * `none` for streams of another site than the page's: setting it then throws where there is no TLS.
   * @default 'strict'
   */
  sameSite?: 'strict' | 'lax' | 'none' | undefined
}

/** Checked options. */
export interface TokenSettings {
  /** The first signs. */
  readonly keys: readonly [KeyObject, ...KeyObject[]]
  readonly expiresIn: number
  readonly audience: string
  readonly query: string | undefined
  readonly cookie: CookieSettings | undefined
}

export interface CookieSettings {
  readonly name: string
  readonly attributes: {
    readonly path: string
    readonly domain?: string
    readonly sameSite: 'strict' | 'lax' | 'none'
  }
}

/** Bytes of a key of HS256. */
const LEAST_SECRET = 32

/** What pubSub itself reads of a query. */
const TAKEN = ['channel', 'lastEventId']

/** @throws TypeError or RangeError for an option that is not known, or whose value cannot be used; never with a secret in its text. */
export function tokenSettings(options: SubscriptionTokenOptions): TokenSettings {
  knownNames('subscriptionTokens', ['secret', 'expiresIn', 'audience', 'query', 'cookie'], options)
  const { secret, expiresIn = 300_000, audience = 'koa-eventfeed', query, cookie = 'sse-token' } = options
  if (query === undefined && cookie === false)
    throw new TypeError('Tokens must be somewhere: in query, cookie, or both')
  return {
    keys: keysOf(secret),
    expiresIn: positive('expiresIn', expiresIn, MAX_TIMEOUT),
    audience: text('audience', audience),
    query: query === undefined ? undefined : parameter(query),
    cookie: cookie === false ? undefined : cookieSettings(typeof cookie === 'string' ? { name: cookie } : cookie),
  }
}

function keysOf(secret: SubscriptionTokenOptions['secret']): TokenSettings['keys'] {
  const [first, ...others] = [secret].flat() as Secret[]
  return [keyOf(first), ...others.map(keyOf)]
}

function keyOf(secret: Secret | undefined): KeyObject {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw wrong('secret', 'a text or bytes, or a list of them', secret)
  }
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (bytes.byteLength >= LEAST_SECRET) return createSecretKey(bytes)
  const hint = 'openssl rand -base64 32 makes one'
  throw new RangeError(`secret must have ${LEAST_SECRET} bytes at least, not ${bytes.byteLength}: ${hint}`)
}

function parameter(query: string): string {
  if (!TAKEN.includes(text('query', query))) return query
  throw new RangeError(`query cannot be '${query}', which pubSub reads itself: write another name, such as 'token'`)
}

function cookieSettings(cookie: TokenCookie): CookieSettings {
  if (typeof cookie !== 'object' || cookie === null) throw wrong('cookie', 'a name, an object or false', cookie)
  knownNames('cookie', ['name', 'path', 'domain', 'sameSite'], cookie)
  const { name = 'sse-token', path = '/', domain, sameSite = 'strict' } = cookie
  return {
    name: matching('cookie.name', name, /^[\w!#$%&'*+.^`|~-]{1,64}$/, 'be 1 to 64 letters, digits, - and _'),
    attributes: {
      path: matching('cookie.path', path, /^\/[!-:<-~]*$/, 'start with / and be encoded as in a URL'),
      ...(domain !== undefined && { domain: matching('cookie.domain', domain, /^[\w.-]+$/, 'be a host name') }),
      sameSite: oneOf('cookie.sameSite', sameSite, ['strict', 'lax', 'none']),
    },
  }
}

function text(name: string, value: string): string {
  if (typeof value !== 'string') throw wrong(name, 'a text', value)
  if (value === '') throw new RangeError(`${name} cannot be empty`)
  return value
}

function matching(name: string, value: string, pattern: RegExp, expected: string): string {
  if (pattern.test(text(name, value))) return value
  throw new RangeError(`${name} must ${expected}, not '${value}'`)
}
