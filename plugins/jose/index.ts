import type { Context } from 'koa'
import { carriedToken, writeCookie } from './carried.js'
import { type SubscriptionTokenOptions, type TokenSettings, tokenSettings } from './options.js'
import { type Grant, type Subscription, signToken, verifyToken } from './token.js'

export type { Secret, SubscriptionTokenOptions, TokenCookie } from './options.js'
export type { Grant, Subscription } from './token.js'

/** Signs and checks tokens that let their bearer read channels for a while. Its functions need no `this`. */
export interface SubscriptionTokens {
  /**
   * Signs a token: a JWT with HS256 and the claims `channels`, `sub`, `aud`, `iat` and `exp`.
   * @throws TypeError or RangeError (a rejection) for what cannot be granted, or takes more than 4,000 characters.
   */
  sign(grant: Grant): Promise<string>
  /**
   * Signs a token and sets it as the cookie, until it expires.
   * @throws as `sign` does; TypeError if there is to be no cookie.
   */
  setCookie(ctx: Context, grant: Grant): Promise<void>
  /** Takes the cookie back, at a logout. The token is still good until it expires. */
  clearCookie(ctx: Context): void
  /** What a token says. Undefined for any that is not to be taken, for whatever reason. */
  verify(token: string | undefined): Promise<Subscription | undefined>
  /**
   * For `pubSub`: lets a request read its channels until its token expires, if that grants all of them. What the token says is then
   * in `ctx.state.subscription`.
   */
  authorize(ctx: Context, channels: readonly string[]): Promise<Date | false>
}

/**
 * Tokens that let a page read channels for a while: in a cookie, or in the query of an `EventSource`, which can send no headers.
 * @throws TypeError or RangeError for options that cannot be used.
 */
export function subscriptionTokens(options: SubscriptionTokenOptions): SubscriptionTokens {
  const settings = tokenSettings(options)
  const verify = (token: unknown) => verifyToken(token, settings)

  const cookie = () => {
    if (settings.cookie) return settings.cookie
    throw new TypeError('These tokens are in no cookie, because of the option cookie: false')
  }

  return {
    sign: async grant => signToken(grant, expiry(settings), settings),
    async setCookie(ctx, grant) {
      const expires = expiry(settings)
      writeCookie(ctx, cookie(), await signToken(grant, expires, settings), expires)
    },
    clearCookie: ctx => writeCookie(ctx, cookie(), null),
    verify,
    async authorize(ctx, channels) {
      if (!Array.isArray(channels)) {
        throw new TypeError('tokens.authorize is for pubSub, whose channels it checks: elsewhere call tokens.verify')
      }
      const subscription = await verify(carriedToken(ctx, settings))
      const granted = new Set(subscription?.channels)
      if (!subscription || !channels.every(name => granted.has(name))) return false
      ctx.state.subscription = subscription
      return subscription.expires
    },
  }
}

// A token tells time in seconds: rounded down, one of a second could be signed when it is over.
function expiry({ expiresIn }: TokenSettings): Date {
  return new Date(Math.ceil((Date.now() + expiresIn) / 1_000) * 1_000)
}
