import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { constants } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import compress from 'koa-compress'
import { fetch } from 'undici'
import { serve as serveRoutes } from '../../support.js'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly, type Serve } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

/** koa-compress as the README sets it up. */
const flushing = () =>
  compress({
    gzip: { flush: constants.Z_SYNC_FLUSH },
    deflate: { flush: constants.Z_SYNC_FLUSH },
    br: { flush: constants.BROTLI_OPERATION_FLUSH },
    zstd: false,
  })

const ENCODINGS = [
  ['gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['what Chromium accepts', 'gzip, deflate, br, zstd'],
] as const

const flushed = koas.flatMap(([koa, Application]) =>
  ENCODINGS.map(([name, accepted]) => [name, koa, { Application, accepted }] as const),
)

describe.each(flushed)(
  `koa-compress ${packageVersion('koa-compress')} that flushes %s, on %s`,
  (_name, _koa, setting) => {
    const { Application, accepted } = setting
    const serve: Serve = () => behind(Application, () => [flushing()])({ compress: true })
    const init = { headers: { 'Accept-Encoding': accepted } }
    proveStreams(serve, init)

    test('a stream is compressed, and may be transformed', () =>
      quietly(serve, async ({ url }) => {
        await using reader = await Reader.open(`${url}/generator`, init)
        expect(Object.fromEntries(reader.headers)).toMatchObject({
          'content-encoding': accepted.split(', ').find(encoding => encoding === 'br') ?? accepted,
          'cache-control': 'no-cache',
          vary: expect.stringContaining('Accept-Encoding'),
        })
      }))

    test('a compressed stream that fails at once is an ordinary HTTP error, once', async () => {
      async function* failing() {
        yield* []
        throw new Error('secret')
      }
      await using served = await serveRoutes(sse => sse.streamGen('/s', failing, { compress: true }), {
        Application,
        before: [flushing()],
      })
      const response = await fetch(`${served.url}/s`, init)
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
      expect(served.errors.map(error => error.message)).toEqual(['secret'])
    })
  },
)

describe.each(koas)(`koa-compress ${packageVersion('koa-compress')} as it comes, on %s`, (_name, Application) => {
  const serve = behind(Application, () => [compress()])
  proveStreams(serve)

  test('leaves a stream alone whose mount does not say that it may be compressed', () =>
    quietly(
      behind(Application, () => [compress({ threshold: 0 })]),
      async ({ url, streams }) => {
        await using reader = await Reader.open(`${url}/generator`, { headers: { 'Accept-Encoding': 'gzip' } })
        expect(reader.headers.get('content-encoding')).toBeNull()
        expect(reader.headers.get('cache-control')).toBe('no-cache, no-transform')
        await reader.begun()
        await streams.send(1)
        expect(await reader.next()).toMatchObject({ id: '1' })
      },
    ))

  test('keeps the events of a stream that may be compressed', () =>
    quietly(
      () => serve({ compress: true }),
      async ({ url, streams }) => {
        const request = http.get(`${url}/generator`, { headers: { 'Accept-Encoding': 'gzip' } }).on('error', () => {})
        const [response] = (await once(request, 'response')) as [http.IncomingMessage]
        const came: Buffer[] = []
        response.on('data', chunk => came.push(chunk)).on('error', () => {})
        for (const n of [1, 2, 3]) await streams.send(n)
        await sleep(100)
        expect(Buffer.concat(came).length).toBeLessThanOrEqual(10) // the header of gzip
        request.destroy()
        await streams.left()
      },
    ))
})
