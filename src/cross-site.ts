import type { Context } from 'koa'

/**
 * Whether a page of another origin sent a request. What sends neither `Sec-Fetch-Site` nor `Origin`, which browsers send in its place
 * without TLS, is no page.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function isFromElsewhere(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  const origin = ctx.get('Origin')
  return origin !== '' && hostOf(origin) !== ctx.host
}

/** The same, but for pages that a middleware upstream has allowed, with `Access-Control-Allow-Origin`. */
export function isCrossSite(ctx: Context): boolean {
  if (!isFromElsewhere(ctx)) return false
  const allowed = ctx.response.get('Access-Control-Allow-Origin')
  return allowed !== '*' && (allowed === '' || allowed !== ctx.get('Origin'))
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
