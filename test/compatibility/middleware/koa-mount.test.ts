import { describe, expect, test } from '@jest/globals'
import type { Middleware } from 'koa'
import { SseRouter } from 'koa-eventfeed'
import mount from 'koa-mount'
import { fetch } from 'undici'
import { serve as serveRoutes } from '../../support.js'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly, type Serve } from '../contract.js'
import { koas } from '../koas.js'
import { Reader } from '../reader.js'
import { Streams } from '../streams.js'

describe.each(koas)(`koa-mount ${packageVersion('koa-mount')} on %s`, (_name, Application) => {
  /** An app with streams, mounted in another. */
  const serve: Serve = async options => {
    const sse = new SseRouter()
    const streams = new Streams(sse, options)
    const inner = new Application().use(sse.routes()).use(sse.allowedMethods())
    const served = await serveRoutes(() => {}, { Application, before: [mount('/live', inner) as Middleware] })
    const dispose = async () => {
      await sse.close()
      await served[Symbol.asyncDispose]()
    }
    return { url: `${served.url}/live`, streams, errors: served.errors, [Symbol.asyncDispose]: dispose }
  }
  proveStreams(serve)

  test('a path that the mounted app does not have is 404, a method 405', () =>
    quietly(serve, async ({ url }) => {
      expect((await fetch(`${url}/nothing`)).status).toBe(404)
      expect((await fetch(`${url}/generator`, { method: 'POST' })).status).toBe(405)
    }))

  test('a mounted stream resumes after its last event ID', () =>
    quietly(serve, async ({ url, streams }) => {
      for (const n of [1, 2, 3]) await streams.send(n)
      await using reader = await Reader.open(`${url}/channel`, { headers: { 'Last-Event-ID': '1' } })
      expect([(await reader.find('step')).id, (await reader.find('step')).id]).toEqual(['2', '3'])
    }))
})
