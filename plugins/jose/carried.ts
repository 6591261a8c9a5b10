import type { Context } from 'koa'
import type { CookieSettings, TokenSettings } from './options.js'

/** The token that a request has, if any. Several in a query are no token. */
export function carriedToken(ctx: Context, { query, cookie }: TokenSettings): unknown {
  const asked = query === undefined || !ctx.querystring ? undefined : ctx.query[query]
  return asked ?? (cookie && ctx.cookies.get(cookie.name, { signed: false }))
}

/** Sets the cookie until it expires, or takes it back. */
export function writeCookie(ctx: Context, cookie: CookieSettings, token: string | null, expires?: Date): void {
  const { name, attributes } = cookie
  ctx.cookies.set(name, token, {
    ...attributes,
    ...(attributes.sameSite === 'none' && { secure: true }), // browsers drop it otherwise, without a word
    ...(expires && { expires }),
    httpOnly: true,
    signed: false, // it is: app.keys would only add a second cookie
    overwrite: true,
  })
}
