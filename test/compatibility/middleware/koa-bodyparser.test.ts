import { describe, expect, test } from '@jest/globals'
import bodyParser from 'koa-bodyparser'
import { fetch } from 'undici'
import { serve as serveRoutes } from '../../support.js'
import { packageVersion } from '../clients/versions.js'
import { proveStreams } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

const post = (body: object) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
})

describe.each(koas)(`koa-bodyparser ${packageVersion('koa-bodyparser')} on %s`, (_name, Application) => {
  const before = [bodyParser()]
  proveStreams(behind(Application, () => before))

  test('a model-style POST finds the parsed body on ctx, and is answered with a stream', async () => {
    await using served = await serveRoutes(
      sse =>
        sse.streamGen('/s', ({ ctx }) => (ctx.request.body as { words: string[] }).words, {
          methods: ['POST'],
          end: false,
        }),
      { Application, before },
    )
    expect(await (await fetch(`${served.url}/s`, post({ words: ['a', 'b'] }))).text()).toBe(':\ndata: a\n\ndata: b\n\n')
    const wrong = await fetch(`${served.url}/s`)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect(served.errors).toEqual([])
  })

  test('a publisher takes the body that has been parsed', async () => {
    await using served = await serveRoutes(sse => sse.pubSub('/s').publisher('/publish'), { Application, before })
    await using reader = await Reader.open(`${served.url}/s`)
    await reader.begun()
    expect((await fetch(`${served.url}/publish`, post({ data: { n: 1 }, event: 'news' }))).status).toBe(200)
    expect(await reader.next()).toMatchObject({ event: 'news', data: '{"n":1}' })
    expect(served.errors).toEqual([])
  })
})
