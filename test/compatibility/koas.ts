import Koa, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { serve } from '../support.js'
import { packageVersion } from './clients/versions.js'
import type { Serve } from './contract.js'
import { Streams } from './streams.js'

/** The versions of Koa that are supported. */
export const koas = [
  [`Koa ${packageVersion('koa')}`, Koa],
  [`Koa ${packageVersion('koa2')}`, Koa2],
] as const

/** Serves the streams behind middleware. */
export function behind(Application: typeof Koa, before: () => Middleware[]): Serve {
  return async options => {
    let streams: Streams | undefined
    const served = await serve(
      sse => {
        streams = new Streams(sse, options)
      },
      { Application, before: before() },
    )
    return Object.assign(served, { streams: streams as Streams })
  }
}
