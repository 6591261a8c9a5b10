import { afterAll, beforeAll, jest } from '@jest/globals'
import type Koa from 'koa'
import type { SseRouter } from 'koa-eventfeed'
import { type RedisServer, startRedis } from '../redis/server.js'

/** For `describe.each`: with and without REDIS_URL. */
export const places = ['in memory', 'over Redis'] as const

/** The examples as they are when they are started in a place. */
export interface Carried {
  /** Imports an example. */
  app(name: string): Promise<Koa>
  readonly redis: RedisServer
}

/** Prepares and clears up around the tests of the `describe` that calls it. */
export function carried(place: (typeof places)[number]): Carried {
  let redis: RedisServer | undefined
  let close = async () => {}
  const routers = new Set<SseRouter>()
  beforeAll(async () => {
    redis = place === 'over Redis' ? await startRedis() : undefined
    delete process.env.SSE_REDIS_URL
    delete process.env.REDIS_URL
    if (redis) process.env.REDIS_URL = redis.url
    jest.resetModules() // they read the environment when they are imported
    const plugin = await import('../../examples/plugin.js')
    close = plugin.close
  })
  afterAll(async () => {
    delete process.env.REDIS_URL
    await Promise.all([...routers].map(sse => sse.close()))
    await close()
    await redis?.[Symbol.asyncDispose]()
  })
  return {
    app: async name => {
      const { app, sse } = await import(`../../examples/${name}.js`)
      if (sse) routers.add(sse)
      app.silent = true // its errors are for the tests to look at
      return app
    },
    get redis() {
      if (redis === undefined) throw new Error('There is none in memory')
      return redis
    },
  }
}
