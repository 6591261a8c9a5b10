import type { Context } from 'koa'

/**
 * Whether a page of another origin sent a request, and no middleware upstream has allowed it with `Access-Control-Allow-Origin`. What
 * sends neither `Sec-Fetch-Site` nor `Origin` is no page.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function isCrossSite(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  if (site === 'same-origin' || site === 'none') return false
  if (site === '' && (origin === '' || hostOf(origin) === ctx.host)) return false
  const allowed = ctx.response.get('Access-Control-Allow-Origin')
  return allowed !== '*' && (allowed === '' || allowed !== origin)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
