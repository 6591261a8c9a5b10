import type Koa from 'koa'
import type { Middleware } from 'koa'
import { isHealthy } from './plugin.js'

/** Milliseconds between two looks whether Redis is back. */
const ROUND = 500

/** Reports an app's errors as Koa does; but that Redis is away is one line when it begins, and one when it is over. */
export function reportErrors(app: Koa): void {
  let away = false
  const look = () => {
    away = !isHealthy()
    if (away) setTimeout(look, ROUND).unref()
    else console.error('Redis is back.')
  }
  app.on('error', (error: Error) => {
    if (!isOutage(error)) return app.onerror(error)
    if (away || isHealthy()) return
    away = true
    console.error(`${error.message}. The open streams wait for it.`)
    setTimeout(look, ROUND).unref()
  })
}

/** Answers 503 to what needs Redis while it is away. */
export function unavailable(): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!isOutage(error as Error)) throw error
      ctx.app.emit('error', error, ctx)
      ctx.status = 503
      ctx.body = 'Redis cannot be reached; try again'
    }
  }
}

// Those of the plugins, and those of ioredis itself.
function isOutage({ name, message, code }: NodeJS.ErrnoException): boolean {
  if (['ERR_SSE_UNREACHABLE', 'ERR_SSE_UNCERTAIN'].includes(code ?? '')) return true
  return name === 'MaxRetriesPerRequestError' || message === 'Command timed out'
}
