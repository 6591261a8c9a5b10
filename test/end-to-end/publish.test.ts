import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import request from 'supertest'
import { until } from '../redis/until.js'
import { carried, places } from './carried.js'
import { dataOf, live } from './live.js'
import { address, killStarted, start } from './started.js'

killStarted()

const fail = { status: 'fail', message: 'not published', reason: expect.any(String) }

describe.each(places)('the publish endpoint %s', place => {
  const examples = carried(place)
  const ask = async () => request((await examples.app('publish')).callback())

  test('A5: what is posted as JSON reaches every subscriber', async () => {
    const app = await examples.app('publish')
    await using first = await live(app, '/sse')
    await using second = await live(app, '/sse?channel=other')
    const { status, body } = await (await ask()).post('/publish').send({ price: 100, é: ['\n'] })
    expect([status, body]).toEqual([200, { status: 'success', message: 'published', data: { price: 100, é: ['\n'] } }])
    for (const stream of [first, second]) {
      await stream.take(1)
      expect(dataOf(stream)).toEqual(['{"price":100,"é":["\\n"]}'])
    }
  })

  test.each<[what: string, status: number, type: string, body: string]>([
    ['broken JSON', 400, 'application/json', '{"a":'],
    ['an empty body', 400, 'application/json', ''],
    ['a form', 400, 'application/x-www-form-urlencoded', 'a=1'],
    ['a text', 415, 'text/plain', 'hello'],
    ['more than the limit', 413, 'application/json', JSON.stringify('x'.repeat(70_000))],
  ])('A6: %s is answered %i, and nothing is delivered', async (_, expected, type, sent) => {
    await using stream = await live(await examples.app('publish'), '/sse')
    const { status, body } = await (await ask()).post('/publish').set('Content-Type', type).send(sent)
    expect([status, body]).toEqual([expected, fail])
    await (await ask()).post('/publish').send(['after']).expect(200)
    await stream.take(1)
    expect(dataOf(stream)).toEqual(['["after"]'])
  })

  test('A6: GET /publish is answered 405', async () => {
    const { status, headers } = await (await ask()).get('/publish')
    expect([status, headers.allow]).toEqual([405, 'POST'])
  })

  test('A10: a page from elsewhere may read the stream, and its preflight is answered', async () => {
    const Origin = 'https://elsewhere.example'
    const app = await examples.app('publish')
    const asked = ['last-event-id', 'cache-control', 'content-type']
    const preflight = (await ask()).options('/sse').set({
      Origin,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': asked.join(','),
    })
    const { status, headers } = await preflight
    expect([status, headers['access-control-allow-headers']?.split(',')]).toEqual([204, asked])
    await using stream = await live(app, '/sse')
    for (const { 'access-control-allow-origin': origin, vary } of [headers, stream.headers]) {
      expect([origin, vary]).toEqual(['*', expect.stringMatching(/\bOrigin\b/)])
    }
    const refused = await (await ask()).post('/publish').set({ Origin, 'Content-Type': 'text/plain' }).send('x')
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([415, '*'])
  })
})

describe('the publish endpoint with a Redis that others use', () => {
  const examples = carried('over Redis')

  test('A7: what another program publishes is an event, as it is', async () => {
    await using stream = await live(await examples.app('publish'), '/sse')
    for (const text of ['hello', '{"broken', 'a\n\ndata: forged']) await examples.redis.redis.publish('sse', text)
    await stream.take(3)
    expect(dataOf(stream)).toEqual(['hello', '{"broken', 'a\n\ndata: forged'])
  })

  test('A7: so is what redis-cli publishes, and what another process of these examples does', async () => {
    await using stream = await live(await examples.app('publish'), '/sse')
    const program = (process.env.REDIS_SERVER_PATH || 'redis-server').replace(/server$/, 'cli')
    const cli = spawn(program, ['-p', `${examples.redis.port}`, 'PUBLISH', 'sse', 'by hand'], { stdio: 'ignore' })
    expect(await once(cli, 'exit')).toEqual([0, null])
    const url = await address(start({ REDIS_URL: examples.redis.url }))
    const headers = { 'Content-Type': 'application/json' }
    await fetch(`${url}/publish/publish`, { method: 'POST', headers, body: '{"from":"elsewhere"}' })
    await stream.take(2)
    expect(dataOf(stream)).toEqual(['by hand', '{"from":"elsewhere"}'])
  })

  test('A2: HEAD subscribes to nothing', async () => {
    const app = await examples.app('publish')
    const { redis } = examples.redis
    const monitor = await redis.duplicate().monitor()
    const commands: string[] = []
    const marked = new Promise<void>(resolve => {
      monitor.on('monitor', (_, [command, ...args]) => {
        commands.push(command.toLowerCase())
        if (args.includes('after HEAD')) resolve()
      })
    })
    const { status, headers } = await request(app.callback()).head('/sse')
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    await redis.echo('after HEAD')
    await marked
    expect(commands.filter(command => command !== 'ping')).toEqual(['echo'])
    monitor.disconnect()
  })

  test('A8: the first event is what was published, not that it was subscribed to', async () => {
    await using stream = await live(await examples.app('publish'), '/sse')
    await examples.redis.redis.publish('sse', 'first')
    await stream.take(1)
    expect(stream.events.map(({ event, data }) => event ?? data)).toEqual(['stream-open', 'first'])
  })

  test('A9: when the client leaves, nobody is subscribed any more within a second', async () => {
    const subscribers = async () => Number((await examples.redis.redis.pubsub('NUMSUB', 'sse'))[1])
    const stream = await live(await examples.app('publish'), '/sse')
    expect(await subscribers()).toBe(1)
    const begun = performance.now()
    await stream.close()
    await until(async () => (await subscribers()) === 0)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  test('A7: without Redis it is 503 and the fail body; afterwards the stream tells of the hole and goes on', async () => {
    const app = await examples.app('publish')
    await using stream = await live(app, '/sse')
    await examples.redis.kill()
    const answer = await request(app.callback()).post('/publish').send({ lost: true })
    expect([answer.status, answer.body]).toEqual([503, fail])
    await examples.redis.start()
    await stream.find(({ event }) => event === 'stream-reset')
    await request(app.callback()).post('/publish').send({ back: true }).expect(200)
    expect((await stream.take(1)).map(({ data }) => data)).toEqual(['{"back":true}'])
    expect(stream.status).toBe(200)
  })
})
