import { EventEmitter, once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import logger from 'koa-logger'
import { fetch } from 'undici'
import { serve as serveRoutes } from '../../support.js'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

/** What is logged, and the middleware that logs it. */
class Log {
  readonly lines: string[] = []
  readonly #news = new EventEmitter()
  readonly middleware = logger({
    transporter: line => {
      this.lines.push(stripVTControlCharacters(line).trim())
      this.#news.emit('line')
    },
  })

  async take(count: number): Promise<string[]> {
    while (this.lines.length < count) await once(this.#news, 'line')
    return this.lines
  }
}

describe.each(koas)(`koa-logger ${packageVersion('koa-logger')} on %s`, (_name, Application) => {
  proveStreams(behind(Application, () => [new Log().middleware]))

  test('a stream is logged when it is asked for, and again when its client has left', async () => {
    const log = new Log()
    await quietly(
      behind(Application, () => [log.middleware]),
      async ({ url }) => {
        await using reader = await Reader.open(`${url}/channel`)
        await reader.begun()
        expect(log.lines).toEqual(['<-- GET /channel'])
        reader.leave()
        expect(await log.take(2)).toEqual(['<-- GET /channel', expect.stringMatching(/^--> GET \/channel 200 /)])
      },
    )
  })

  test('a stream that ends is logged as answered', async () => {
    const log = new Log()
    await using served = await serveRoutes(sse => sse.streamGen('/s', [1, 2]), {
      Application,
      before: [log.middleware],
    })
    await (await fetch(`${served.url}/s`)).text()
    expect(await log.take(2)).toEqual(['<-- GET /s', expect.stringMatching(/^--> GET \/s 200 /)])
  })
})
