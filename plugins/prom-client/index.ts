import { register as defaultRegister } from 'prom-client'
import { knownNames, wrong } from '../../src/checks.js'
import type { SseRouter } from '../../src/router.js'
import { familyOf } from './family.js'
import type { AnyRegistry } from './instruments.js'

export type { AnyRegistry } from './instruments.js'

/** Options of `collectMetrics`. */
export interface MetricsOptions {
  /**
   * The registry of prom-client that the metrics go to.
   * @default prom-client's own `register`
   */
  register?: AnyRegistry | undefined
  /**
   * Put before the names of all metrics.
   * @default 'koa_eventfeed_'
   */
  prefix?: string | undefined
  /**
   * The value of a label `router`, which tells several routers apart whose metrics are in one registry. A name that you choose, not
   * one that comes from requests.
   * @default no such label
   */
  router?: string | undefined
}

const OPTIONS = ['register', 'prefix', 'router']

/**
 * Registers metrics of a router with prom-client, under names such as `koa_eventfeed_connections`. They are read when the registry is
 * asked for them; only durations are noted as they come. Returns what undoes it, after `sse.close()` say.
 * @throws TypeError for options that cannot be used, if the registry has a metric of such a name already, or metrics of another router
 * from which these could not be told.
 */
export function collectMetrics(sse: SseRouter, options: MetricsOptions = {}): () => void {
  const { register, prefix, router } = checked(sse, options)
  return familyOf(register, prefix, router !== undefined).add(sse, router)
}

function checked(sse: SseRouter, options: MetricsOptions) {
  if (typeof sse?.stats !== 'function') throw wrong('The first argument of collectMetrics', 'an SseRouter', sse)
  knownNames('collectMetrics', OPTIONS, options)
  const { register = defaultRegister, prefix = 'koa_eventfeed_', router } = options
  if (typeof register?.registerMetric !== 'function') throw wrong('register', 'a Registry of prom-client', register)
  if (typeof prefix !== 'string' || !/^[a-zA-Z_]\w*$/.test(prefix))
    throw new TypeError("prefix must be letters, digits and underscores, such as 'koa_eventfeed_'")
  if (router !== undefined && (typeof router !== 'string' || router === ''))
    throw new TypeError("router must be a name, such as 'chat'")
  return { register, prefix, router }
}
