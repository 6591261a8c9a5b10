import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { PubSub } from 'koa-eventfeed'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import type { RunStore } from '../../src/run-store.js'
import { startRedis } from './server.js'

test('the user of Redis that the README describes may do all that is needed, and nothing with other keys', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const rights = /`ACL SETUSER feed ([^`]*)`/.exec(readme)?.[1]?.split(' ') ?? []
  await using server = await startRedis()
  await server.redis.acl('SETUSER', 'feed', ...rights)
  const failures: unknown[] = []
  const plugin = redisPlugin({
    url: `redis://feed:secret@127.0.0.1:${server.port}`,
    heartbeat: 50,
    history: { age: 1 },
  })
  const pubsub = new PubSub({ plugin, onError: error => failures.push(error) })
  await using _ = { [Symbol.asyncDispose]: () => pubsub.close() }
  await pubsub.ready()
  const events = pubsub.subscribe('news', { limit: 40 })
  await events.ready
  await server.redis.script('FLUSH')
  for (let n = 1; n <= 40; n += 1) await pubsub.publish(n, { channel: 'news', id: n })
  const seen: string[] = []
  for await (const { data } of events) seen.push(data)
  expect(seen).toHaveLength(40)
  expect(await pubsub.position('news')).toContain('.40.')
  const run = { holder: 'a', lease: 1_000, count: 10, watching: true, begin: true }
  const runs = plugin.runs as RunStore
  const { token, top } = await runs.claim('run', run)
  await runs.publish('run', { data: 'x' }, token, top, 10)
  await runs.claim('run', { ...run, watching: false })
  await runs.restart('run', token)
  await runs.finish('run', token, 1_000)
  await plugin.read('news', undefined, 1)
  await plugin.find?.('news', '1')
  expect(await server.redis.call('ACL', 'DRYRUN', 'feed', 'GET', 'other')).toMatch(/no permissions/)
  await pubsub.close()
  expect(failures).toEqual([])
  expect(await server.redis.call('ACL', 'LOG')).toEqual([])
})
