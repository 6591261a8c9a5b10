import { createServer, type IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import Koa from 'koa'
import { mittPlugin } from 'koa-eventfeed/plugins/mitt'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { openStream, provePlugin, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import { exactly } from './exactly.js'

exactly<Promise<TestStream>>()(openStream(new Koa(), { path: '/news', headers: { cookie: 'a=b' }, body: { any: 1 } }))
openStream(createServer(), { https: { rejectUnauthorized: false } })
openStream(new URL('http://localhost/'), { signal: AbortSignal.timeout(10) })
// @ts-expect-error: an app, a server or a URL
openStream(3_000)
// @ts-expect-error: milliseconds
openStream(new Koa(), { timeout: '1s' })

await using stream = await openStream('http://localhost/', { lastEventId: '7', method: 'GET', timeout: 10 })
exactly<number>()(stream.status)
exactly<IncomingHttpHeaders>()(stream.headers)
exactly<readonly TestEvent[]>()(stream.events)
exactly<number | undefined>()(stream.retry)
exactly<TestEvent | undefined>()(await stream.next())
exactly<TestEvent[]>()(await stream.take(2))
exactly<TestStream>()(await stream.reconnect())
for await (const event of stream) exactly<TestEvent>()(event)

const found = await stream.find(({ event, id, data }) => {
  exactly<string | undefined>()(event)
  exactly<string | undefined>()(id)
  return data === 'here'
})
exactly<unknown>()(found.json())
exactly<{ percent: number }>()(found.json<{ percent: number }>())
// @ts-expect-error: what was received stays as it is
found.data = 'changed'
// @ts-expect-error: a number of events
stream.take()

provePlugin({ test, create: options => mittPlugin(options ?? {}), shared: false, timeout: 100 })
provePlugin({ test, create: async () => mittPlugin(), interrupt: async () => {} })
provePlugin({ test, create: () => redisPubSubPlugin(), history: false, fields: false })
// @ts-expect-error: a relay keeps no history: say so
provePlugin({ test, create: () => redisPubSubPlugin() })
// @ts-expect-error: only a relay may leave fields out
provePlugin({ test, create: () => mittPlugin(), fields: false })
// @ts-expect-error: the runner's test
provePlugin({ create: () => mittPlugin() })
