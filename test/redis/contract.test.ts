import { afterAll, beforeAll, describe, test } from '@jest/globals'
import { redisPlugin } from 'koa-eventfeed/plugins/redis'
import { redisPubSubPlugin } from 'koa-eventfeed/plugins/redis-pubsub'
import { provePlugin } from 'koa-eventfeed/testing'
import { type RedisCluster, startCluster } from './cluster.js'
import { startProxy } from './proxy.js'
import { type RedisServer, startRedis } from './server.js'

let server: RedisServer
let proxy: Awaited<ReturnType<typeof startProxy>>
let cluster: RedisCluster

beforeAll(async () => {
  server = await startRedis()
  proxy = await startProxy(server.port)
  cluster = await startCluster()
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const interrupt = async () => proxy.cut()

describe('redisPlugin', () => {
  provePlugin({ test, shared: true, interrupt, create: options => redisPlugin({ url: proxy.url, ...options }) })
})

describe('redisPlugin on a cluster', () => {
  const create = (options = {}) => redisPlugin({ cluster: { nodes: cluster.hosts }, ...options })
  provePlugin({ test, shared: true, create })
})

describe('redisPubSubPlugin with raw messages', () => {
  const create = () => redisPubSubPlugin({ url: proxy.url, prefix: 'raw:' })
  provePlugin({ test, shared: true, history: false, fields: false, interrupt, create })
})

describe('redisPubSubPlugin with messages of Flask-SSE', () => {
  const create = () => redisPubSubPlugin({ url: proxy.url, format: 'flask-sse', prefix: 'flask:' })
  provePlugin({ test, shared: true, history: false, interrupt, create })
})

describe('redisPubSubPlugin on a cluster', () => {
  const create = () => redisPubSubPlugin({ cluster: { nodes: cluster.hosts }, format: 'flask-sse' })
  provePlugin({ test, shared: true, history: false, create })
})
