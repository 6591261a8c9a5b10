import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import { type RedisServer, startRedis } from './redis/server.js'
import { dataOf, Snippets } from './snippets.js'

const doc = new Snippets('docs/coming-from-flask.md')
const hasPython = spawnSync('python3', ['--version']).status === 0

let compiled: ReturnType<Snippets['compile']>
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  compiled = doc.compile(redis.url)
})

afterEach(() => doc.kill())

afterAll(async () => redis[Symbol.asyncDispose]())

async function live(url: string) {
  const stream = await openStream(url)
  await stream.find(({ event }) => event === 'stream-open')
  return stream
}

const post = (url: string, body: string) =>
  fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', Origin: 'https://a.example' } })

describe('coming from Flask', () => {
  test('every snippet in TypeScript is accepted by the type checker, and is one of those that are run here', () => {
    expect([compiled.stdout, compiled.status]).toEqual(['', 0])
    expect(doc.of('ts')).toHaveLength(10)
    expect(doc.text.match(/^```\w+/gm)).toHaveLength(20)
  })

  const inPython = hasPython ? test : test.skip
  inPython('every snippet in Python is Python', () => {
    const read = 'import ast, json, sys\nfor code in json.load(sys.stdin): ast.parse(code)'
    const { status, stderr } = spawnSync('python3', ['-c', read], { input: JSON.stringify(doc.of('python')) })
    expect([`${stderr}`, status]).toEqual(['', 0])
    expect(doc.of('python')).toHaveLength(10)
  })

  test.each([
    ['streamSSE', 'streamGen', 'streamFunc(func, limit)', 'publish(message, channel)', 'subscribe(channel, limit)'],
    ['PubSub.forChannel', 'PubSub.publish', 'PubSub.subscribe', '.send(', '.listen()', '.receive()'],
    ['PubSub.unsubscribe', 'PubSub.reinit', 'MessageAnnouncer.listen()', '.announce(', 'format_sse'],
    ['sse.publish(data, type, id, retry, channel)', 'messages(channel)', 'Message(data, type, id, retry)'],
  ])('has %s, %s, %s … in its table, with links that lead somewhere', (...names) => {
    const rows = doc.text.split('\n').filter(line => line.startsWith('| '))
    const before = rows.map(row => row.split(' | ')[0]).join('\n')
    for (const name of names) expect(before).toContain(name)
    const headings = [...doc.text.matchAll(/^## (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replace(/ /g, '-'),
    )
    const links = [...doc.text.matchAll(/\]\(#(.+?)\)/g)].map(([, link]) => link)
    expect(links.length).toBeGreaterThan(5)
    expect(headings).toEqual(expect.arrayContaining(links))
  })

  test('a generator counts', async () => {
    expect(await dataOf(`${await doc.serve('message counter')}/sse`, 2)).toEqual([
      'message counter - 0',
      'message counter - 1',
    ])
  })

  test('a function with a limit is called so often', async () => {
    const text = await (await fetch(`${await doc.serve("'/dice'")}/dice`)).text()
    expect(text).toMatch(/^:\n(data: [1-6]\n\n){3}event: stream-end\n/)
  })

  test('messages are framed as before', async () => {
    const text = await (await fetch(`${await doc.serve("'/albums'")}/albums`)).text()
    const second = 'event: Jackson 5\nid: 0\nretry: 2000\ndata: {"abc":123}\n\n'
    expect(text).toContain(`:\nevent: Jackson 5\ndata: {"abc": 123}\n\n${second}event: stream-end\n`)
  })

  test('a ping is announced to all', async () => {
    const url = await doc.serve("'/ping'")
    const streams = await Promise.all([1, 2].map(() => live(`${url}/listen`)))
    expect(await (await fetch(`${url}/ping`)).json()).toEqual({})
    for (const stream of streams) {
      expect((await stream.take(1))[0]?.data).toBe('pong')
      await stream.close()
    }
  })

  test('Flask-SSE: the greeting reaches its channel, in the format that Flask reads', async () => {
    const url = await doc.serve("format: 'flask-sse'")
    await using stream = await live(`${url}/stream?channel=users.social`)
    const flask = redis.redis.duplicate()
    await flask.subscribe('users.social')
    const received = once(flask, 'message')
    expect(await (await fetch(`${url}/hello`)).text()).toBe('Message sent!')
    expect(await stream.take(1)).toEqual([{ event: 'greeting', id: '7', data: '{"message":"Hello!"}' }])
    expect(JSON.parse((await received)[1])).toEqual({ data: '{"message":"Hello!"}', type: 'greeting', id: '7' })
    flask.disconnect()
  })

  test('a channel is for who may read it', async () => {
    const url = `${await doc.serve('authorize:')}/stream?channel=sse&channel=analytics`
    expect((await fetch(url)).status).toBe(403)
    await using admitted = await openStream(url, { headers: { 'X-User': 'admin' } })
    expect(admitted.status).toBe(200)
  })

  test('channels on the server: its own assertions hold', async () => {
    expect(await once(doc.run('node:assert/strict'), 'exit')).toEqual([0, null])
  })

  test('a value in Redis is an event when it changes', async () => {
    await redis.redis.set('current_price', '100')
    await using stream = await openStream(`${await doc.serve('current_price')}/sse`)
    await stream.find(({ data }) => data === 'Current Price - 100')
    await redis.redis.set('current_price', '102')
    await stream.find(({ data }) => data === 'Current Price - 102')
  })

  test('a publish endpoint answers as before, to pages of other origins too', async () => {
    const url = await doc.serve("format: 'raw'")
    await using stream = await live(`${url}/sse`)
    const answer = await post(`${url}/publish`, '{"n":1}')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(await answer.json()).toEqual({ status: 'success', message: 'published', data: { n: 1 } })
    await redis.redis.publish('sse', 'by hand')
    expect((await stream.take(2)).map(({ data }) => data)).toEqual(['{"n":1}', 'by hand'])
    expect((await post(`${url}/publish`, '{"n":')).status).toBe(400)
  })

  test('signals: what is emitted arrives until it is unbound', async () => {
    const url = `${await doc.serve('unbind()')}/orders`
    await using stream = await live(url)
    await fetch(url, { method: 'POST' })
    expect(await stream.take(1)).toMatchObject([{ event: 'order', data: '{"id":1}' }])
    await fetch(url, { method: 'DELETE' })
    await fetch(url, { method: 'POST' })
    await using again = await stream.reconnect()
    expect(await again.find(({ event }) => event === 'stream-open')).toMatchObject({ event: 'stream-open' })
    expect(again.events.filter(({ event }) => event === 'order')).toEqual([])
  })
})
