// What an orchestrator and a load balancer ask: /live whether this process is to be started anew, /ready whether it can serve.
import type { Middleware } from 'koa'
import { liveness, readiness } from 'koa-eventfeed'
import { examples } from './list.js'

/** Answers for all routers: those of the examples are closed together, and have the same Redis. */
export function probes(): Middleware {
  const routers = examples.map(({ sse }) => sse)
  const all = {
    get closing() {
      return routers.some(({ closing }) => closing)
    },
    health() {
      const states = routers.map(sse => sse.health())
      return (
        states.find(({ publishing, receiving }) => !publishing || !receiving) ?? { publishing: true, receiving: true }
      )
    },
  }
  const answers: Record<string, Middleware> = { '/live': liveness(), '/ready': readiness(all) }
  return (ctx, next) => (answers[ctx.path] ?? passOn)(ctx, next)
}

const passOn: Middleware = (_ctx, next) => next()
