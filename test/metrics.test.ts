import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from '@jest/globals'
import { SseRouter, type SseRouterOptions } from 'koa-eventfeed'
import { collectMetrics, type MetricsOptions } from 'koa-eventfeed/plugins/prom-client'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { openStream } from 'koa-eventfeed/testing'
import {
  AggregatorRegistry,
  register as defaultRegister,
  Gauge,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import { type Metric, readExposition, valueIn } from './metrics/exposition.js'
import { startRedis } from './redis/server.js'
import { until } from './redis/until.js'
import { connectRaw, get, type Served, serve } from './support.js'

afterEach(() => defaultRegister.clear())

const prefix = 'koa_eventfeed_'

/** A router that serves its metrics, as the docs have it. */
function serveMetrics(routes: (sse: SseRouter) => void, router: SseRouterOptions = {}): Promise<Served> {
  const register = new Registry()
  const withMetrics = (sse: SseRouter) => {
    collectMetrics(sse, { register })
    sse.get('/metrics', async ctx => {
      ctx.type = register.contentType
      ctx.body = await register.metrics()
    })
    routes(sse)
  }
  return serve(withMetrics, { router })
}

async function scrape({ url }: Served): Promise<Map<string, Metric>> {
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return readExposition(await response.text())
}

const value = async (served: Served, name: string, labels: Record<string, string> = {}) =>
  valueIn(await scrape(served), prefix + name, labels)

async function openNews(url: string, options: Parameters<typeof openStream>[1] = {}) {
  const stream = await openStream(`${url}/news`, options)
  await stream.find(({ event }) => event === 'stream-open')
  return stream
}

const over = ({ sse }: Served) => new Promise(resolve => sse.activity.on('disconnect', resolve))

describe('what is scraped', () => {
  test('agrees with what clients got', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/news'))
    const streams = [await openNews(served.url), await openNews(served.url), await openNews(served.url)]
    for (const data of ['one', 'two', 'three', 'four', 'fünf']) await served.sse.publish(data, { channel: 'sse' })
    for (const stream of streams) await stream.find(({ data }) => data === 'fünf')
    const left = over(served)
    await streams[0]?.close()
    await left
    const metrics = await scrape(served)
    const told = (name: string, labels = {}) => valueIn(metrics, prefix + name, labels)
    expect(told('connections')).toBe(2)
    expect(told('connections_accepted_total')).toBe(3)
    expect(told('connections_ended_total', { reason: 'left' })).toBe(1)
    expect(told('events_published_total')).toBe(5)
    expect(told('events_sent_total')).toBe(streams.reduce((sum, { events }) => sum + events.length, 0))
    expect(told('channels')).toBe(1)
    expect(told('log_bytes')).toBeGreaterThan(100)
    expect(told('plugin_up', { direction: 'publishing' })).toBe(1)
    expect(told('publish_duration_seconds_count')).toBe(5)
    expect(told('fanout_duration_seconds_count')).toBeGreaterThan(0)
    expect(told('connection_duration_seconds_count')).toBe(1)
    for (const stream of streams) await stream.close()
  })

  test('has the bytes that went over the wire', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/news'))
    await using client = await connectRaw(served.port, get('/news'))
    await client.until(/stream-open/)
    await served.sse.publish('fünf', { channel: 'sse' })
    const [, stream = ''] = (await client.until(/fünf\n\n\r\n/)).split(/\r\n\r\n(.*)/s)
    expect(await value(served, 'sent_bytes_total')).toBe(Buffer.byteLength(stream))
  })

  test('tells why requests were refused, streams ended and events are missing', async () => {
    const routes = (sse: SseRouter) =>
      sse
        .pubSub('/news', { maxConnections: 1 })
        .pubSub('/private', { authorize: () => false })
        .streamGen('/count', [1, 2])
    await using served = await serveMetrics(routes)
    const stream = await openStream(`${served.url}/news`, { lastEventId: 'no.position.at-all' })
    const { data } = await stream.find(({ event }) => event === 'stream-reset')
    for (const path of ['/news', '/private', '/count']) await (await fetch(served.url + path)).text()
    const ended = over(served)
    await served.sse.disconnect(() => true)
    await ended
    await stream.close()
    const metrics = await scrape(served)
    const reasons = (name: string) => {
      const samples = metrics.get(prefix + name)?.samples ?? []
      return samples.filter(sample => sample.value > 0).map(({ labels, value }) => [labels.reason, value])
    }
    expect(reasons('requests_refused_total')).toEqual([
      ['unauthorized', 1],
      ['connections', 1],
    ])
    expect(reasons('connections_ended_total')).toEqual([
      ['ended', 1],
      ['disconnected', 1],
    ])
    expect(reasons('holes_total')).toEqual([[JSON.parse(data).reason, 1]])
  })

  test('shows that it is being closed', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/news'))
    const stream = await openNews(served.url)
    expect(await value(served, 'closing')).toBe(0)
    await served.sse.close()
    await (await fetch(`${served.url}/news`)).text()
    const metrics = await scrape(served)
    expect(valueIn(metrics, `${prefix}closing`)).toBe(1)
    expect(valueIn(metrics, `${prefix}connections_ended_total`, { reason: 'closed' })).toBe(1)
    expect(valueIn(metrics, `${prefix}requests_refused_total`, { reason: 'closing' })).toBe(1)
    await stream.close()
  })

  test('fits together at every moment, and no counter falls', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/news'))
    const visit = async () => {
      for (let n = 0; n < 10; n++) {
        const stream = await openNews(served.url)
        await served.sse.publish(n, { channel: 'sse' })
        await stream.close()
      }
    }
    const visits = Promise.all([visit(), visit(), visit()])
    let before = await scrape(served)
    for (let isOver = false; !isOver; ) {
      isOver = (await Promise.race([visits, undefined])) !== undefined
      const metrics = await scrape(served)
      const ended = metrics.get(`${prefix}connections_ended_total`)?.samples ?? []
      const accepted = valueIn(metrics, `${prefix}connections_accepted_total`)
      expect(valueIn(metrics, `${prefix}connections`)).toBe(accepted - ended.reduce((sum, { value }) => sum + value, 0))
      for (const [name, { type, samples }] of metrics) {
        if (type === 'gauge') continue
        for (const sample of samples)
          expect([name, sample.value >= valueIn(before, sample.name, sample.labels)]).toEqual([name, true])
      }
      before = metrics
    }
    expect(valueIn(before, `${prefix}connections_accepted_total`)).toBe(30)
  })

  test('shows how far the slowest client is behind, until it has read all', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/news'))
    const [slow, quick] = [await openNews(served.url), await openNews(served.url)]
    expect(await value(served, 'slowest_client_lag_bytes')).toBe(0)
    slow.pause()
    let lag = 0
    for (let megabyte = 0; megabyte < 50 && lag === 0; megabyte++) {
      for (let n = 0; n < 20; n++) await served.sse.publish('x'.repeat(50_000), { channel: 'sse' })
      lag = await value(served, 'slowest_client_lag_bytes')
    }
    expect(lag).toBeGreaterThan(50_000)
    await served.sse.publish('the last', { channel: 'sse' })
    await quick.find(({ data }) => data === 'the last')
    slow.resume()
    await slow.find(({ data }) => data === 'the last')
    expect(await value(served, 'slowest_client_lag_bytes')).toBe(0)
    await Promise.all([slow.close(), quick.close()])
  })

  test('tells of shared runs and their viewers', async () => {
    const wait = async function* () {
      yield 'begun'
      await new Promise(() => {})
    }
    await using served = await serveMetrics(sse => sse.streamGen('/job', wait, { share: true }))
    const streams = [await openStream(`${served.url}/job`), await openStream(`${served.url}/job`)]
    for (const stream of streams) await stream.find(({ data }) => data === 'begun')
    const metrics = await scrape(served)
    expect(valueIn(metrics, `${prefix}runs`, { role: 'holder' })).toBe(1)
    expect(valueIn(metrics, `${prefix}runs`, { role: 'watcher' })).toBe(0)
    expect(valueIn(metrics, `${prefix}run_viewers`)).toBe(2)
    for (const stream of streams) await stream.close()
  })

  test('has as many values whatever the number of channels, keys and addresses, and none of their names', async () => {
    await using served = await serveMetrics(sse => sse.pubSub('/of/:channel'), {
      maxConnectionsPerKey: 5,
      connectionKey: ({ query }) => String(query.user),
    })
    const before = await (await fetch(`${served.url}/metrics`)).text()
    const open = (n: number) => openStream(`${served.url}/of/room-${n}?user=somebody-${n}`)
    const streams = await Promise.all(Array.from({ length: 50 }, (_, n) => open(n)))
    await Promise.all(streams.map((_, n) => served.sse.publish(n, { channel: `room-${n}` })))
    for (const [n, stream] of streams.entries()) await stream.find(({ data }) => data === String(n))
    const after = await (await fetch(`${served.url}/metrics`)).text()
    expect(after.match(/^\w.* /gm)).toEqual(before.match(/^\w.* /gm))
    expect(after).toContain(`${prefix}channels 50`)
    expect(after).not.toMatch(/room-|somebody-|127\.0\.0/)
    for (const stream of streams) await stream.close()
  })
})

test('a Redis that dies, and one that is back, shows in plugin_up; what is no event, in messages_rejected_total', async () => {
  await using redis = await startRedis()
  await using served = await serveMetrics(sse => sse.pubSub('/news'), {
    plugin: redisPlugin({ url: redis.url, timeout: 500, heartbeat: 200 }),
  })
  await served.sse.ready()
  const up = async () => [
    await value(served, 'plugin_up', { direction: 'publishing' }),
    await value(served, 'plugin_up', { direction: 'receiving' }),
  ]
  expect(await up()).toEqual([1, 1])
  await using _stream = await openNews(served.url)
  await redis.redis.publish('eventfeed:{sse}', 'no event')
  await until(async () => (await value(served, 'messages_rejected_total')) === 1)
  await redis.kill()
  await until(async () => String(await up()) === '0,0')
  await expect(served.sse.publish('lost?')).rejects.toMatchObject({ code: 'ERR_SSE_UNREACHABLE' })
  expect(await value(served, 'failures_total')).toBeGreaterThan(0)
  expect(await value(served, 'events_published_total')).toBe(0)
  await redis.start()
  await until(async () => String(await up()) === '1,1')
  await served.sse.publish('taken')
  expect(await value(served, 'publish_duration_seconds_count')).toBe(1)
})

describe('registries', () => {
  const values = (name: string, text: string) =>
    readExposition(text)
      .get(prefix + name)
      ?.samples.map(({ labels, value }) => [labels.router, value])

  test('prom-client’s own is used by default, until it is undone', async () => {
    const sse = new SseRouter()
    const undo = collectMetrics(sse)
    await sse.publish('an event')
    const name = `${prefix}events_published_total`
    expect(valueIn(readExposition(await defaultRegister.metrics()), name)).toBe(1)
    expect(() => collectMetrics(sse)).toThrow(new TypeError('The metrics of this router are in this registry already'))
    undo()
    undo()
    expect(await defaultRegister.metrics()).toBe('\n')
    const again = collectMetrics(sse)
    undo()
    await sse.publish('another')
    const metrics = readExposition(await defaultRegister.metrics())
    expect(valueIn(metrics, name)).toBe(2)
    expect(valueIn(metrics, `${prefix}publish_duration_seconds_count`)).toBe(1)
    again()
  })

  test('that were cleared take the metrics anew', async () => {
    const sse = new SseRouter()
    const stale = collectMetrics(sse)
    defaultRegister.clear()
    collectMetrics(sse)
    stale()
    expect(valueIn(readExposition(await defaultRegister.metrics()), `${prefix}connections`)).toBe(0)
  })

  test('tell several routers apart by their names, and forget one that is undone', async () => {
    const register = new Registry()
    const [chat, prices] = [new SseRouter(), new SseRouter()]
    const undo = collectMetrics(chat, { register, router: 'chat' })
    collectMetrics(prices, { register, router: 'prices' })
    await chat.publish('Hello!')
    expect(values('events_published_total', await register.metrics())).toEqual([
      ['chat', 1],
      ['prices', 0],
    ])
    undo()
    const text = await register.metrics()
    expect(values('events_published_total', text)).toEqual([['prices', 0]])
    expect(text).not.toContain('chat')
  })

  test.each([
    ['one without a name, and another', undefined, undefined, 'give each of them a name'],
    ['one without a name, and another with', undefined, 'chat', 'give each of them a name'],
    ['one with a name, and another without', 'chat', undefined, 'give each of them a name'],
    ['two of the same name', 'chat', 'chat', "metrics of a router 'chat' in this registry: give this one another name"],
  ])('refuse to mix routers: %s', async (_, first, second, message) => {
    const register = new Registry()
    collectMetrics(new SseRouter(), { register, router: first })
    const before = await register.metrics()
    const add = () => collectMetrics(new SseRouter(), { register, router: second })
    expect(add).toThrow(TypeError)
    expect(add).toThrow(message)
    expect(await register.metrics()).toBe(before)
    collectMetrics(new SseRouter(), { register, router: second, prefix: 'other_' }) // which is not mixed
  })

  test('that have a metric of such a name are refused, and left as they are', async () => {
    const register = new Registry()
    new Gauge({ name: `${prefix}log_bytes`, help: 'Of something else.', registers: [register] })
    const collect = () => collectMetrics(new SseRouter(), { register })
    expect(collect).toThrow(TypeError)
    expect(collect).toThrow(`There is a metric ${prefix}log_bytes in this registry already: pass another prefix`)
    expect(register.getMetricsAsArray()).toHaveLength(1)
  })

  test('of OpenMetrics are served too', async () => {
    const register = new Registry<OpenMetricsContentType>()
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const sse = new SseRouter()
    const undo = collectMetrics(sse, { register })
    await sse.publish('an event')
    for (const _ of ['once', 'twice']) {
      expect(await register.metrics()).toMatch(
        /^# TYPE koa_eventfeed_events_published counter\nkoa_eventfeed_events_published_total 1\n[\s\S]*# EOF\n$/m,
      )
    }
    undo()
    expect(await register.metrics()).toBe('\n# EOF\n')
  })

  test('of several processes add up, but for the lag and for what must work in all', async () => {
    const unreachable = redisPlugin({ url: 'redis://127.0.0.1:1' })
    const routers = [new SseRouter(), new SseRouter({ plugin: unreachable })]
    await routers[0]?.publish('an event')
    const told = routers.map(async (sse, n) => {
      const register = new Registry()
      collectMetrics(sse, { register })
      const metrics = await register.getMetricsAsJSON()
      const lag = metrics.find(({ name }) => name.endsWith('lag_bytes'))
      if (lag?.values[0]) lag.values[0].value = 5 + n
      return metrics
    })
    const metrics = readExposition(await AggregatorRegistry.aggregate(await Promise.all(told)).metrics())
    expect(valueIn(metrics, `${prefix}events_published_total`)).toBe(1)
    expect(valueIn(metrics, `${prefix}slowest_client_lag_bytes`)).toBe(6)
    expect(valueIn(metrics, `${prefix}plugin_up`, { direction: 'publishing' })).toBe(0)
    for (const sse of routers) await sse.close()
  })
})

test.each([
  [{ registry: new Registry() }, "collectMetrics has no option 'registry': it takes register, prefix, router"],
  [{ register: {} }, 'register must be a Registry of prom-client, not object'],
  [{ prefix: 'my-app_' }, "prefix must be letters, digits and underscores, such as 'koa_eventfeed_'"],
  [{ prefix: '' }, "prefix must be letters, digits and underscores, such as 'koa_eventfeed_'"],
  [{ router: '' }, "router must be a name, such as 'chat'"],
  [{ router: 7 }, "router must be a name, such as 'chat'"],
  [null, 'options must be an object, not null'],
])('options that cannot be used are a TypeError: %p', (options, message) => {
  expect(() => collectMetrics(new SseRouter(), options as MetricsOptions)).toThrow(new TypeError(message))
})

test('what is no router is a TypeError', () => {
  const collect = () => collectMetrics({} as SseRouter)
  expect(collect).toThrow(new TypeError('The first argument of collectMetrics must be an SseRouter, not object'))
})

describe('docs/metrics.md', () => {
  const text = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8')
  const tableOf = (title: string) => {
    const [, section = ''] = new RegExp(`^### ${title}$(.*?)^##`, 'ms').exec(text) ?? []
    const rows = [...section.matchAll(/^\|(.*)\|$/gm)].map(([, row = '']) => row.split('|').map(plain))
    return rows.slice(2) // after its head
  }
  const plain = (cell: string) => cell.replaceAll('`', '').trim()

  test('has every metric with its type, its labels and what it means', async () => {
    collectMetrics(new SseRouter())
    const metrics = readExposition(await defaultRegister.metrics())
    const told = [...metrics].map(([name, { type, help, samples }]) => {
      const labels = new Set(samples.flatMap(sample => Object.keys(sample.labels)).filter(label => label !== 'le'))
      return [name.slice(prefix.length), type, [...labels].join(', '), help]
    })
    expect(tableOf('The metrics')).toEqual(told)
  })

  test('has every reason', async () => {
    collectMetrics(new SseRouter())
    const metrics = readExposition(await defaultRegister.metrics())
    const told = [...metrics].flatMap(([name, { samples }]) =>
      samples.flatMap(({ labels: { reason } }) => (reason ? `${name.slice(prefix.length)} ${reason}` : [])),
    )
    let of = ''
    const written = tableOf('Reasons').map(([name, reason]) => {
      of = name || of
      return `${of} ${reason}`
    })
    expect(written.sort()).toEqual(told.sort())
  })
})
