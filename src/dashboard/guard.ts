import { isDate } from 'node:util/types'
import type { Context } from 'koa'
import { isFromElsewhere } from '../cross-site.js'
import type { Access } from '../request.js'
import type { DashboardSettings } from './options.js'

const SELF = "'self'"
const NONE = "'none'"
const POLICY = [
  `default-src ${NONE}; script-src ${SELF}; style-src ${SELF}; connect-src ${SELF}; img-src ${SELF}`,
  `base-uri ${NONE}; form-action ${NONE}; frame-ancestors ${NONE}`,
  `require-trusted-types-for 'script'; trusted-types ${NONE}`,
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-store',
}

/** Sets the headers that all answers of a dashboard have, refusals too. */
export function harden(ctx: Context): void {
  ctx.set(HEADERS)
}

/** Whether a request may see the dashboard, or until when; answers 403 if not. */
export async function enter(ctx: Context, { authorize }: DashboardSettings): Promise<Access> {
  if (!authorize)
    return isLocal(ctx) || refuse(ctx, 'Without authorize, this page is shown on the machine that serves it only.')
  const access = await authorize(ctx)
  const granted = isDate(access) ? access.getTime() > Date.now() : access === true
  return granted ? access : refuse(ctx, 'You may not see this page.')
}

/** Answers 403 and returns false if a page of another origin made the request, whatever CORS middleware allows elsewhere. */
export function isSameOrigin(ctx: Context): boolean {
  return !isFromElsewhere(ctx) || refuse(ctx, 'Another site asked for this.')
}

function refuse(ctx: Context, reason: string): false {
  ctx.status = 403
  ctx.body = reason
  return false
}

const LOCAL_ADDRESS = /^(127\.[\d.]+|::1|::ffff:127\.[\d.]+)$/
const LOCAL_HOST = /^(localhost|.+\.localhost|127\.[\d.]+|\[::1\])(:\d+)?$/i

const PROXIES = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

// Not by a proxy on the same machine, of which some say nothing but speak HTTP/1.0, and not under a foreign name that leads here.
function isLocal({ req }: Context): boolean {
  const { host = '', origin } = req.headers
  const isDirect = req.httpVersion !== '1.0' && PROXIES.every(name => req.headers[name] === undefined)
  const isFromHere = origin === undefined || LOCAL_HOST.test(origin.replace(/^https?:\/\//, ''))
  return isDirect && isFromHere && LOCAL_ADDRESS.test(req.socket.remoteAddress ?? '') && LOCAL_HOST.test(host)
}
