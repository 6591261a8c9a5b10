import { describe, expect, test } from '@jest/globals'
import helmet from 'koa-helmet'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

describe.each(koas)(`koa-helmet ${packageVersion('koa-helmet')} on %s`, (_name, Application) => {
  const serve = behind(Application, () => [helmet()])
  proveStreams(serve)

  test('a stream has its headers beside its own', () =>
    quietly(serve, async ({ url }) => {
      await using reader = await Reader.open(`${url}/generator`)
      expect(Object.fromEntries(reader.headers)).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'self'"),
        'strict-transport-security': expect.stringContaining('max-age='),
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      })
    }))
})
