import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import ratelimit from 'koa-ratelimit'
import { fetch } from 'undici'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

const limiting = (max: number) => [ratelimit({ driver: 'memory', db: new Map(), duration: 60_000, max })]

describe.each(koas)(`koa-ratelimit ${packageVersion('koa-ratelimit')} on %s`, (_name, Application) => {
  proveStreams(behind(Application, () => limiting(100)))
  const once1 = behind(Application, () => limiting(1))

  test('a stream counts once, however long it lasts, and tells what is left', () =>
    quietly(once1, async ({ url, streams }) => {
      await using reader = await Reader.open(`${url}/generator`)
      expect([reader.headers.get('x-ratelimit-limit'), reader.headers.get('x-ratelimit-remaining')]).toEqual(['1', '0'])
      await reader.begun()
      await streams.send(1)
      expect(await reader.next()).toMatchObject({ id: '1' })
    }))

  test('past the limit a stream is answered 429 with Retry-After, and none is begun', () =>
    quietly(once1, async ({ url, streams }) => {
      await using reader = await Reader.open(`${url}/generator`)
      await reader.begun()
      const refused = await fetch(`${url}/generator`)
      expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.closeTo(60, -1)])
      expect(await streams.open()).toBe(1)
    }))

  test('an EventSource that is answered 429 does not come back', () =>
    quietly(once1, async ({ url }) => {
      await using reader = await Reader.open(`${url}/channel`)
      await reader.begun()
      const source = new EventSource(`${url}/channel`)
      await once(source as unknown as EventTarget, 'error')
      expect(source.readyState).toBe(EventSource.CLOSED)
    }))
})
