import { describe, expect, test } from '@jest/globals'
import cors from '@koa/cors'
import { fetch } from 'undici'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

const origin = 'https://page.test'
const allowed = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }

describe.each(koas)(`@koa/cors ${packageVersion('@koa/cors')} on %s`, (_name, Application) => {
  const serve = behind(Application, () => [cors({ credentials: true })])
  proveStreams(serve, { headers: { Origin: origin } })

  test('a stream may be read by another origin, and says that cookies are welcome', () =>
    quietly(serve, async ({ url }) => {
      await using reader = await Reader.open(`${url}/channel`, { headers: { Origin: origin } })
      expect(Object.fromEntries(reader.headers)).toMatchObject({ ...allowed, vary: 'Origin' })
    }))

  test('a stream that is refused says so to another origin', () =>
    quietly(
      () => serve({ authorize: () => false }),
      async ({ url }) => {
        const refused = await fetch(`${url}/generator`, { headers: { Origin: origin } })
        expect([refused.status, Object.fromEntries(refused.headers)]).toMatchObject([403, allowed])
      },
    ))

  test('what a browser asks before it sends Last-Event-ID by fetch is answered', () =>
    quietly(serve, async ({ url }) => {
      const asks = { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'last-event-id' }
      const preflight = await fetch(`${url}/generator`, { method: 'OPTIONS', headers: { Origin: origin, ...asks } })
      expect([preflight.status, Object.fromEntries(preflight.headers)]).toMatchObject([
        204,
        { ...allowed, 'access-control-allow-headers': 'last-event-id' },
      ])
    }))
})
