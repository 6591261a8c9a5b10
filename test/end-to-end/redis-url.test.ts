import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import { freePort } from '../redis/process.js'
import { startRedis } from '../redis/server.js'
import { address, killStarted, outcome, type Started, start } from './started.js'

killStarted()

/** Resolves with what it has written to its standard error once that matches. */
async function said(child: Started, pattern: RegExp): Promise<string> {
  let text = ''
  child.stderr.setEncoding('utf8')
  while (!pattern.test(text)) text += (await once(child.stderr, 'data'))[0]
  return text
}

describe('a Redis that cannot be used is said in one line, with exit code 1', () => {
  const hint = 'Without REDIS_URL the examples need no Redis.'

  test('because nothing is there', async () => {
    const port = await freePort()
    expect(await outcome(start({ REDIS_URL: `redis://:secret@127.0.0.1:${port}` }))).toEqual({
      code: 1,
      out: '',
      err: `Redis cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}. ${hint}\n`,
    })
  })

  test('because it does not take the password', async () => {
    await using redis = await startRedis({ password: 'right' })
    const { code, err } = await outcome(
      start({ SSE_REDIS_URL: redis.url.replace('right', 'wrong'), REDIS_URL: redis.url }),
    )
    expect([code, err]).toEqual([1, expect.stringMatching(/^Redis refused: WRONGPASS [^\n]+\n$/)])
    expect(err).not.toContain('wrong')
  })

  test.each(['localhost:6379', 'http://localhost', '/tmp/redis.sock', 'redis:'])(
    'because REDIS_URL is %s',
    async url => {
      const err = 'REDIS_URL must be like redis://user:password@host:6379/0, or rediss://… for TLS.\n'
      expect(await outcome(start({ REDIS_URL: url }))).toEqual({ code: 1, out: '', err })
    },
  )
})

test('SSE_REDIS_URL wins over REDIS_URL', async () => {
  await using redis = await startRedis()
  const url = await address(start({ SSE_REDIS_URL: redis.url, REDIS_URL: 'redis://127.0.0.1:1' }))
  await using stream = await openStream(`${url}/publish/sse`)
  await stream.find(({ event }) => event === 'stream-open')
  await redis.redis.publish('sse', 'hello')
  expect(await stream.take(1)).toMatchObject([{ data: 'hello' }])
})

test('a Redis that goes away is said once, and that it is back once; the streams stay open', async () => {
  await using redis = await startRedis()
  const child = start({ REDIS_URL: redis.url })
  const url = await address(child)
  await using chat = await openStream(`${url}/chat/rooms/lobby`, { timeout: 20_000 })
  await using price = await openStream(`${url}/price/sse`, { timeout: 20_000 })
  await chat.find(({ event }) => event === 'stream-open')
  const post = (path: string, body: unknown) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })

  const away = said(child, /wait for it\.\n/)
  await redis.kill()
  await away
  const answers = await Promise.all([
    post('/chat/rooms/lobby', { name: 'Ann', text: 'lost' }),
    post('/publish/publish', 'lost'),
    post('/price/price', { price: 1 }),
    fetch(`${url}/announcer/ping`),
  ])
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503])
  const newcomer = await openStream(`${url}/chat/rooms/kitchen`)
  expect(newcomer.status).toBe(200)
  await newcomer.close()

  const back = said(child, /back/)
  await redis.start()
  expect(await back).toBe('Redis is back.\n')
  const taken = [post('/chat/rooms/lobby', { name: 'Ann', text: 'afterwards' }), post('/price/price', { price: 7 })]
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([204, 204])
  await chat.find(({ data }) => data.includes('afterwards'))
  await price.find(({ data }) => data === 'Current Price - 7')
  expect(child.exitCode).toBeNull()
}, 40_000)
