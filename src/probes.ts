import type { Context, Middleware } from 'koa'
import type { Health } from './plugin.js'

/** What is asked whether it works: a router. */
export interface Probed {
  /** Whether its plugin works now. */
  health(): Health
  /** Whether it sends clients away. */
  readonly closing: boolean
}

/**
 * Answers 200 as long as this process answers at all: an orchestrator restarts it otherwise. What a restart would not mend, such as a
 * Redis that is away, is not its business.
 */
export function liveness(): Middleware {
  return ctx => answer(ctx, 200, { status: 'alive' })
}

/**
 * Answers 200 while this process can serve, else 503 and why, so that a load balancer sends clients elsewhere: it is `closing`, or the
 * plugin is not `publishing` or not `receiving`, with the code of the error, never its text.
 *
 * Streams stay open while the plugin is away, so where all processes have the same Redis it can be better to take only `closing` for
 * a reason: see `plugin`.
 * @param options `plugin: false` leaves the plugin's health out of account.
 * @throws TypeError for what is no router.
 */
export function readiness(sse: Probed, { plugin = true }: { plugin?: boolean } = {}): Middleware {
  if (typeof sse?.health !== 'function') throw new TypeError('readiness takes an SseRouter')
  return ctx => {
    const reasons = sse.closing ? [{ check: 'closing' }] : plugin ? faultsOf(sse.health()) : [] // closing closes the plugin
    answer(ctx, reasons.length > 0 ? 503 : 200, { status: reasons.length > 0 ? 'unready' : 'ready', reasons })
  }
}

function faultsOf({ publishing, receiving, error }: Health): object[] {
  const { code } = (error ?? {}) as { code?: unknown }
  const faults = [...(publishing ? [] : ['publishing']), ...(receiving ? [] : ['receiving'])]
  return faults.map(check => (typeof code === 'string' ? { check, code } : { check }))
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.body = body
}
