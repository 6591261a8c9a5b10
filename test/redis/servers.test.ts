import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Redis, type RedisOptions } from 'ioredis'
import { startCluster } from './cluster.js'
import { startPair, startSentinel } from './failover.js'
import { type RedisProxy, type Role, startProxy } from './proxy.js'
import { FrameSplitter } from './resp.js'
import { startRedis, tlsCa } from './server.js'
import { slotOf } from './slot.js'

// With this option's type the constructor refuses what it declares itself.
type ClientOptions = Omit<RedisOptions, 'replyMapping'>

/** A client that does not try again: what a fault does to its connection is for the test to see. */
function connect(port: number, options: ClientOptions = {}) {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => null, disconnectTimeout: 100, ...options })
  redis.on('error', () => {})
  return Object.assign(redis, { [Symbol.asyncDispose]: async () => redis.disconnect() })
}

/** Subscribed to `news`, through the proxy; `until` resolves with all messages once the last of them is `end`. */
async function reader(proxy: RedisProxy, options: ClientOptions = {}) {
  const redis = connect(proxy.port, options)
  const messages: string[] = []
  redis.on('message', (_, message) => messages.push(message))
  await redis.subscribe('news')
  const until = async (end: string) => {
    while (messages.at(-1) !== end) await once(redis, 'message')
    return messages
  }
  return Object.assign(redis, { until, messages })
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Its 'error' comes first, which `once` would reject with. */
const closing = (redis: Redis) => new Promise<void>(resolve => redis.once('close', () => resolve()))

/** The first of the bytes that a server answers an inline command with; nothing after `ms`. */
async function answer(port: number, command: string, ms: number): Promise<string | undefined> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`${command}\r\n`)
  const answered = once(socket, 'data', { signal: AbortSignal.timeout(ms) })
  const [bytes] = await answered.catch(() => [])
  socket.destroy()
  return bytes?.toString()
}

describe('a server', () => {
  test('keeps its port and folder over a restart, and leaves nothing behind', async () => {
    const server = await startRedis({ args: ['--appendonly', 'yes'] })
    const { port, folder, pid } = server
    await server.redis.set('kept', '1')
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    await server.start()
    expect(server).toMatchObject({ port, folder })
    expect(server.pid).not.toBe(pid)
    expect(await connectAndGet(port, 'kept')).toBe('1')
    await server[Symbol.asyncDispose]()
    expect([isAlive(pid), existsSync(folder)]).toEqual([false, false])
  })

  test('forgets all when it is killed, and is there again', async () => {
    await using server = await startRedis()
    await server.redis.set('lost', '1')
    await server.kill()
    expect(await answer(server.port, 'PING', 1_000)).toBeUndefined()
    await server.start()
    expect(await server.redis.get('lost')).toBeNull()
  })

  test('answers nothing while it is frozen, and all of it when it thaws', async () => {
    await using server = await startRedis()
    await using client = connect(server.port)
    await client.ping()
    server.freeze()
    expect(await answer(server.port, 'PING', 200)).toBeUndefined()
    const late = client.incr('n')
    server.thaw()
    expect(await late).toBe(1)
    server.freeze()
  })

  test('wants its password', async () => {
    await using server = await startRedis({ password: 'p@ss/word' })
    expect(await answer(server.port, 'PING', 1_000)).toMatch(/^-NOAUTH/)
    const client = new Redis(server.url)
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
    expect(await server.redis.ping()).toBe('PONG')
  })

  test('speaks TLS only, with a certificate for both names of this machine', async () => {
    await using server = await startRedis({ tls: true })
    expect(server.url).toMatch(/^rediss:/)
    for (const host of ['127.0.0.1', 'localhost']) {
      await using client = connect(server.port, { host, tls: { ca: tlsCa } })
      expect(await client.ping()).toBe('PONG')
    }
    expect(await server.redis.ping()).toBe('PONG')
    expect(await answer(server.port, 'PING', 200)).not.toBe('+PONG\r\n')
  })

  test('that cannot start says why, with its log', async () => {
    await expect(startRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow(/no-such-option/)
    await using server = await startRedis()
    await expect(startRedis({ port: server.port })).rejects.toMatchObject({ portTaken: true })
  })

  test('leaves a folder that it was given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'given-'))
    await (await startRedis({ folder }))[Symbol.asyncDispose]()
    expect(existsSync(folder)).toBe(true)
    await rm(folder, { recursive: true })
  })
})

async function connectAndGet(port: number, key: string): Promise<string | null> {
  await using client = connect(port)
  return await client.get(key)
}

test('a cluster spreads keys over three nodes, and moves a slot with its keys', async () => {
  await using cluster = await startCluster()
  const client = new Redis.Cluster(cluster.hosts, { scaleReads: 'master' })
  const keys = Array.from({ length: 60 }, (_, n) => `key:${n}`)
  await Promise.all(keys.map(key => client.set(key, key)))
  const sizes = await Promise.all(cluster.nodes.map(({ redis }) => redis.dbsize()))
  expect(sizes.every(size => size > 0)).toBe(true)

  const key = '{moved}:1'
  const [owner, other] = [cluster.ownerOf(key), cluster.nodes.find(node => node !== cluster.ownerOf(key))]
  if (other === undefined) throw new Error('One node owns all')
  await client.set(key, 'here')
  expect(await owner.redis.get(key)).toBe('here')
  await cluster.moveSlotOf(key, other)
  expect(cluster.ownerOf(key)).toBe(other)
  expect(await other.redis.get(key)).toBe('here')
  await expect(owner.redis.get(key)).rejects.toThrow(`MOVED ${slotOf(key)} 127.0.0.1:${other.port}`)
  expect(await client.get(key)).toBe('here')
  for (const name of ['123456789', '', 'ä€', '{a}b', 'b{}c', 'x{{y}z', 'a}b{c}d']) {
    expect([name, slotOf(name)]).toEqual([name, await owner.redis.cluster('KEYSLOT', name)])
  }

  await other.kill()
  await expect(owner.redis.get(key)).rejects.toThrow('MOVED')
  await other.start()
  await cluster.healthy()
  client.disconnect()
})

describe('a pair', () => {
  test('loses what was acknowledged after the cut when the replica is promoted', async () => {
    await using pair = await startPair()
    await pair.primary.redis.set('before', '1')
    await pair.synced()
    pair.cutReplication()
    expect(await pair.primary.redis.set('after', '1')).toBe('OK')
    await pair.promote()
    expect(await pair.replica.redis.mget('before', 'after')).toEqual(['1', null])
    expect(await pair.replica.redis.set('new', '1')).toBe('OK')
  })

  test('under a sentinel gets a new primary when the old one is killed', async () => {
    await using pair = await startPair()
    await using sentinel = await startSentinel(pair)
    const client = new Redis({ sentinels: sentinel.sentinels, name: sentinel.name, sentinelRetryStrategy: () => 100 })
    client.on('error', () => {})
    await client.set('k', '1')
    await pair.synced()
    pair.cutReplication()
    await client.set('k', '2')
    await pair.primary.kill()
    await sentinel.promoted(pair.replica.port)
    expect(await client.get('k')).toBe('1')
    expect(await pair.replica.redis.role()).toContain('master')
    client.disconnect()
  })
})

describe('a proxy', () => {
  test('passes all, and counts who is connected', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    expect(proxy.connections).toBe(0)
    const client = new Redis(proxy.url)
    const large = 'é'.repeat(1_000_000)
    await client.set('large', large)
    expect(await client.get('large')).toBe(large)
    expect(proxy.connections).toBe(1)
    await client.quit()
    while (proxy.connections > 0) await setTimeout(5)
  })

  test.each<[Role, Role]>([
    ['subscriber', 'commands'],
    ['commands', 'subscriber'],
  ])('cuts the %s only', async (cut, left) => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = await reader(proxy)
    await using commands = connect(proxy.port)
    await commands.ping()
    const closed = closing({ subscriber, commands }[cut])
    proxy.cut(cut)
    await closed
    expect({ subscriber, commands }[left].status).toBe('ready')
    expect(proxy.connections).toBe(1)
    const rest = closing({ subscriber, commands }[left])
    proxy.cut()
    await rest
  })

  test('refuses new connections, leaves open ones, and lets in again', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using open = connect(proxy.port)
    await open.ping()
    proxy.refuse(true)
    const socket = net.connect(proxy.port, '127.0.0.1')
    expect(await once(socket, 'close').catch((error: NodeJS.ErrnoException) => error.code)).toBe('ECONNRESET')
    expect(await open.ping()).toBe('PONG')
    proxy.refuse(false)
    expect(await connectAndGet(proxy.port, 'none')).toBeNull()
  })

  test('resets who is connected when the server is not there, and leads to another when told', async () => {
    await using gone = await startRedis()
    await using next = await startRedis()
    await using proxy = await startProxy(gone.port)
    await next.redis.set('which', 'next')
    await gone.kill()
    expect(await answer(proxy.port, 'PING', 1_000)).toBeUndefined()
    proxy.retarget(next.port)
    expect(await connectAndGet(proxy.port, 'which')).toBe('next')
  })

  test('stalls what is open in both directions, and delivers it when the network heals', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = await reader(proxy)
    await using commands = connect(proxy.port)
    await commands.ping()
    proxy.stall(true)
    const late = commands.incr('n')
    expect(await server.redis.publish('news', 'held')).toBe(1)
    expect(await connectAndGet(proxy.port, 'n')).toBeNull()
    await setTimeout(100)
    expect([subscriber.messages, subscriber.status, commands.status]).toEqual([[], 'ready', 'ready'])
    expect(await server.redis.get('n')).toBeNull()
    proxy.stall(false)
    expect(await late).toBe(1)
    expect(await subscriber.until('held')).toEqual(['held'])
  })

  test('stalls subscribers only, and the server does not see that one leaves', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = await reader(proxy)
    await using commands = connect(proxy.port)
    proxy.stall(true, 'subscriber')
    expect(await commands.ping()).toBe('PONG')
    subscriber.disconnect()
    await once(subscriber, 'end')
    expect(await commands.publish('news', 'to nobody')).toBe(1)
  })

  test('delays what the server says, and later messages do not overtake it', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = await reader(proxy)
    proxy.delay(100)
    const passing = new Promise<void>(resolve => {
      proxy.onMessage = () => {
        resolve()
        return 'pass'
      }
    })
    const begun = performance.now()
    await server.redis.publish('news', 'slow')
    await passing
    proxy.delay(0)
    await server.redis.publish('news', 'fast')
    expect(await subscriber.until('fast')).toEqual(['slow', 'fast'])
    expect(performance.now() - begun).toBeGreaterThanOrEqual(95)
  })

  test.each([3, 2] as const)('drops, doubles and holds back messages of RESP%d', async protocol => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = await reader(proxy, { protocol })
    const seen: string[] = []
    proxy.onMessage = ({ channel, payload }) => {
      seen.push(`${channel} ${payload}`)
      return ({ b: 'drop', c: 'double', d: 200 } as const)[String(payload)] ?? 'pass'
    }
    for (const payload of ['a', 'b', 'c', 'd', 'é\r\n$1\r\n']) await server.redis.publish('news', payload)
    expect(await subscriber.until('d')).toEqual(['a', 'c', 'c', 'é\r\n$1\r\n', 'd'])
    expect(seen.slice(0, 2)).toEqual(['news a', 'news b'])
    proxy.onMessage = undefined
    await server.redis.publish('news', 'b')
    expect((await subscriber.until('b')).slice(-2)).toEqual(['d', 'b'])
  })

  test('knows the messages of sharded channels, and takes no reply for a message', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(server.port)
    await using subscriber = connect(proxy.port)
    await using commands = connect(proxy.port, { protocol: 2 })
    await subscriber.ssubscribe('news')
    const messages: string[] = []
    proxy.onMessage = ({ payload }) => {
      messages.push(String(payload))
      return 'double'
    }
    await commands.rpush('list', 'message', 'news', 'x')
    expect(await commands.lrange('list', 0, -1)).toEqual(['message', 'news', 'x'])
    const arrived: string[] = []
    subscriber.on('smessage', (_, message) => arrived.push(message))
    await server.redis.spublish('news', 'sharded')
    while (arrived.length < 2) await once(subscriber, 'smessage')
    expect([messages, arrived]).toEqual([['sharded'], ['sharded', 'sharded']])
  })
})

test('frames end where RESP says, wherever the chunks do', () => {
  const frames = [
    ...['+OK\r\n', '-ERR no\r\n', ':1\r\n', '_\r\n', ',1.5\r\n', '#t\r\n', '(123\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n'],
    ...['$0\r\n\r\n', '$4\r\n\r\n+a\r\n', '!5\r\nERR x\r\n', '=6\r\ntxt:é\r\n', '>2\r\n+a\r\n*1\r\n:1\r\n'],
    ...['%2\r\n+a\r\n~2\r\n:1\r\n:2\r\n+b\r\n%0\r\n', '|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n+x\r\n*0\r\n:1\r\n$1\r\na\r\n'],
  ]
  const bytes = Buffer.from(frames.join(''))
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new FrameSplitter()
    const found: string[] = []
    for (let at = 0; at < bytes.length; at += size)
      found.push(...splitter.push(bytes.subarray(at, at + size)).map(String))
    expect(found).toEqual(frames)
  }
  expect(() => new FrameSplitter().push(Buffer.from([0x16, 3, 1]))).toThrow(RangeError)
})
