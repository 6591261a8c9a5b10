import { describe, expect, test } from '@jest/globals'
import { liveness, readiness } from 'koa-eventfeed'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { closed, openAll } from './draining.js'
import { startRedis } from './redis/server.js'
import { until } from './redis/until.js'
import { type Served, serve } from './support.js'

const ready = { status: 'ready', reasons: [] }
const closing = { status: 'unready', reasons: [{ check: 'closing' }] }

/** What a probe is answered. The connection is let go: it would hold up the end. */
async function ask({ url }: Served, path: string) {
  const response = await fetch(url + path, { headers: { Connection: 'close' } })
  expect(response.headers.get('cache-control')).toBe('no-store')
  const text = await response.text()
  return { status: response.status, text, body: JSON.parse(text) }
}

const probed = (router = {}) =>
  serve(
    sse => {
      sse.pubSub('/s')
      sse.get('/live', liveness())
      sse.get('/ready', readiness(sse))
      sse.get('/ready-whatever-redis-does', readiness(sse, { plugin: false }))
    },
    { router },
  )

describe('liveness() and readiness()', () => {
  test('say that the plugin is closed, if another router has closed the one that both have', async () => {
    const plugin = mittPlugin()
    await using served = await probed({ plugin })
    await plugin.close()
    const reasons = ['publishing', 'receiving'].map(check => ({ check, code: 'ERR_SSE_PLUGIN_CLOSED' }))
    expect(await ask(served, '/ready')).toMatchObject({ status: 503, body: { status: 'unready', reasons } })
  })

  test('say that the process is alive and ready, then that it closes: from when that begins, until it is over', async () => {
    await using served = await probed()
    expect(await ask(served, '/live')).toMatchObject({ status: 200, body: { status: 'alive' } })
    expect(await ask(served, '/ready')).toMatchObject({ status: 200, body: ready })
    const streams = await openAll(served, 2, '/s')
    const draining = served.sse.close({ within: 60_000 })
    for (const path of ['/ready', '/ready-whatever-redis-does'])
      expect(await ask(served, path)).toMatchObject({ status: 503, body: closing })
    expect(await ask(served, '/live')).toMatchObject({ status: 200, body: { status: 'alive' } })
    await served.sse.close()
    await draining
    expect(await ask(served, '/ready')).toMatchObject({ status: 503, body: closing })
    for (const stream of streams) await stream.close()
    await closed(served)
  })

  test('with Redis: unready while it is away, and why by a code; nothing tells where it is', async () => {
    await using redis = await startRedis()
    const plugin = redisPlugin({ url: redis.url, timeout: 300, heartbeat: 200 })
    await using served = await probed({ plugin })
    await served.sse.ready()
    expect(await ask(served, '/ready')).toMatchObject({ status: 200, body: ready })

    await redis.kill()
    await until(async () => (await ask(served, '/ready')).status === 503)
    await until(async () => served.sse.health().receiving === false && served.sse.health().publishing === false)
    const { status, text, body } = await ask(served, '/ready')
    const code = 'ERR_SSE_UNREACHABLE'
    expect([status, body]).toEqual([
      503,
      {
        status: 'unready',
        reasons: [
          { check: 'publishing', code },
          { check: 'receiving', code },
        ],
      },
    ])
    expect(text).not.toMatch(/127\.0\.0\.1|localhost|redis|ECONN|reached/i)
    expect(text).not.toContain(String(redis.port))
    expect(await ask(served, '/live')).toMatchObject({ status: 200 })
    expect(await ask(served, '/ready-whatever-redis-does')).toMatchObject({ status: 200, body: ready })

    await redis.start()
    await until(async () => (await ask(served, '/ready')).status === 200)
    await served.sse.publish('works again')
  })

  test('take nothing but a router', () => {
    for (const wrong of [undefined, null, {}, 'sse'])
      expect(() => readiness(wrong as never)).toThrow(new TypeError('readiness takes an SseRouter'))
  })
})
