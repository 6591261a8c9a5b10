import { once } from 'node:events'
import http from 'node:http'
import { describe, expect, test } from '@jest/globals'
import type { Middleware } from 'koa'
import conditional from 'koa-conditional-get'
import etag from 'koa-etag'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { KINDS } from '../streams.js'

const versions = `${packageVersion('koa-conditional-get')} with koa-etag ${packageVersion('koa-etag')}`

/** Another route, which shows that the two do their work. */
const page: Middleware = async (ctx, next) => {
  if (ctx.path === '/page') ctx.body = 'the same each time'
  else await next()
}

// It writes a warning each time: koa-etag is to be called @koa/etag.
const tags = etag()

describe.each(koas)(`koa-conditional-get ${versions} on %s`, (_name, Application) => {
  const serve = behind(Application, () => [conditional(), tags, page])
  proveStreams(serve)

  test.each(KINDS)('a %s has no ETag and is never answered 304, while other routes are', (_kind, path) =>
    quietly(serve, async ({ url, streams }) => {
      const { etag: tag = '' } = (await headOf(`${url}/page`)).headers
      const headers = { 'If-None-Match': tag }
      expect((await headOf(`${url}/page`, headers)).statusCode).toBe(304)
      const stream = await headOf(`${url}${path}`, headers)
      expect([stream.statusCode, stream.headers.etag]).toEqual([200, undefined])
      await streams.left()
    }),
  )
})

// Not by fetch, which adds `Cache-Control: no-cache` to such requests.
async function headOf(url: string, headers: Record<string, string> = {}): Promise<http.IncomingMessage> {
  const request = http.get(url, { headers, agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.on('error', () => {}).destroy()
  return response
}
