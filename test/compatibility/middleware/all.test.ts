import { constants } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import cors from '@koa/cors'
import type Koa from 'koa'
import type { Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import compress from 'koa-compress'
import conditional from 'koa-conditional-get'
import etag from 'koa-etag'
import helmet from 'koa-helmet'
import logger from 'koa-logger'
import ratelimit from 'koa-ratelimit'
import session from 'koa-session'
import { proveStreams, quietly, type Serve } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

const signedIn: Middleware = (ctx, next) => {
  ctx.session.user = 'ann'
  return next()
}

// It writes a warning each time: koa-etag is to be called @koa/etag.
const tags = etag()

function stack(): Middleware[] {
  let sessions: Middleware | undefined
  return [
    logger({ transporter: () => {} }),
    ratelimit({ driver: 'memory', db: new Map(), max: 100 }),
    helmet(),
    cors({ credentials: true }),
    conditional(),
    tags,
    compress({ gzip: { flush: constants.Z_SYNC_FLUSH }, deflate: false, br: false, zstd: false }),
    (ctx, next) => {
      ctx.app.keys = ['a secret']
      sessions ??= session(ctx.app as Koa) as Middleware
      return sessions(ctx, next)
    },
    bodyParser(),
    signedIn,
  ]
}

describe.each(koas)('All of these but koa-mount, one behind the other, on %s', (_name, Application) => {
  const serve: Serve = () => behind(Application, stack)({ compress: true })
  const init = { headers: { Origin: 'https://page.test', 'Accept-Encoding': 'gzip' } }
  proveStreams(serve, init)

  test('a stream has the headers and the cookie of each', () =>
    quietly(serve, async ({ url }) => {
      await using reader = await Reader.open(`${url}/channel`, init)
      expect(Object.fromEntries(reader.headers)).toMatchObject({
        'x-ratelimit-remaining': '99',
        'content-security-policy': expect.any(String),
        'access-control-allow-origin': 'https://page.test',
        'content-encoding': 'gzip',
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        'x-accel-buffering': 'no',
      })
      expect(reader.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^koa\.sess=/))
    }))
})
