import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { wrong } from '../../src/checks.js'
import { checkChannel } from '../../src/names.js'
import type { TokenSettings } from './options.js'

/** Whom a token lets read what. */
export interface Grant {
  /** The channels that may be read, by their exact names. */
  readonly channels: readonly string[]
  /** Who reads them: the claim `sub`. */
  readonly subject?: string | undefined
}

/** What a token says. */
export interface Subscription {
  /** Those that may be read. */
  readonly channels: readonly string[]
  /** Whose token it is, if it says so. */
  readonly subject: string | undefined
  /** When the token expires. */
  readonly expires: Date
}

/** The only algorithm that is taken, whatever a token's header says. */
const ALGORITHM = 'HS256'

/** Characters of a token: with its name, a cookie of 4,096 holds so many. */
const MAX_TOKEN = 4_000

export async function signToken(grant: Grant, expires: Date, { keys, audience }: TokenSettings): Promise<string> {
  const { channels, subject } = checkedGrant(grant)
  const claims = new SignJWT({ channels, ...(subject !== undefined && { sub: subject }) })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(expires)
  const token = await claims.sign(keys[0])
  if (token.length <= MAX_TOKEN) return token
  const hint = 'grant fewer channels, or one that stands for many'
  throw new RangeError(`The token would have ${token.length} characters, of ${MAX_TOKEN} at most: ${hint}`)
}

/** What a token says, or undefined for what is none, is no longer one, or is none of ours. */
export async function verifyToken(token: unknown, settings: TokenSettings): Promise<Subscription | undefined> {
  if (typeof token !== 'string' || token.length > MAX_TOKEN) return undefined
  const { keys, audience } = settings
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: [ALGORITHM], audience, requiredClaims: ['exp'] })
      return subscriptionOf(payload)
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return undefined
    }
  }
  return undefined
}

// Another service may have signed it, with claims of any type.
function subscriptionOf({ channels, sub: subject, exp }: JWTPayload): Subscription | undefined {
  const expires = new Date((exp as number) * 1_000)
  const isWhole =
    Array.isArray(channels) &&
    channels.every(name => typeof name === 'string') &&
    ['string', 'undefined'].includes(typeof subject) &&
    !Number.isNaN(expires.getTime())
  return isWhole ? { channels, subject, expires } : undefined
}

function checkedGrant(grant: Grant): Grant {
  if (typeof grant !== 'object' || grant === null) throw wrong('What is granted', 'an object with channels', grant)
  const { channels, subject } = grant
  if (!Array.isArray(channels)) throw wrong('channels', 'a list of names', channels)
  if (channels.length === 0) throw new RangeError('channels must name one channel at least')
  for (const name of channels) checkChannel(name)
  if (subject !== undefined && typeof subject !== 'string') throw wrong('subject', 'a text', subject)
  return { channels, subject }
}
