import { performance } from 'node:perf_hooks'
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import { type OpenStreamOptions, openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { app, sse } from '../../examples/tokens.js'

let stream: TestStream | undefined

async function open(options: OpenStreamOptions): Promise<TestStream> {
  stream = await openStream(app, { path: '/chat', ...options })
  return stream
}

afterEach(() => stream?.close())
afterAll(() => sse.close())

const ask = (body: unknown, headers = {}) => open({ method: 'POST', body, headers })
const content = (events: TestEvent[]) =>
  events
    .filter(({ event }) => event === undefined)
    .map(({ data }) => JSON.parse(data).choices[0].delta.content)
    .join('')

test('the answer to a prompt comes word by word, ends with [DONE], and nothing follows', async () => {
  const stream = await ask({ prompt: 'Why?' })
  const start = performance.now()
  const first = await stream.take(1)
  expect(first).toEqual([{ data: '{"choices":[{"delta":{"content":"You"}}]}' }])
  const events = [...first, ...(await stream.ended())]
  expect(events.length).toBeGreaterThan(10)
  expect(performance.now() - start).toBeGreaterThan((events.length - 2) * 35)
  expect(events.pop()).toEqual({ data: '[DONE]' })
  expect(content(events)).toMatch(/^You asked: “Why\?” Each word/)
})

test('a prompt cannot forge an event', async () => {
  const prompt = 'x\r\n\r\ndata: forged\n\n<b>&amp;</b>\u2028'
  const events = await (await ask({ prompt })).ended()
  expect(content(events.slice(0, -1))).toContain(`“${prompt}”`)
  expect(events.map(({ data }) => data)).not.toContain('forged')
})

test.each<[what: string, body: unknown]>([
  ['no prompt', {}],
  ['an empty prompt', { prompt: ' ' }],
  ['a prompt that is no text', { prompt: 7 }],
  ['a list', []],
  ['no body', undefined],
])('%s is an ordinary 400 before the stream', async (_, body) => {
  const stream = await ask(body)
  expect(stream.status).toBe(400)
  expect(stream.headers['content-type']).toBe('text/plain; charset=utf-8')
  expect(await stream.body()).toBe('Send JSON with a prompt: {"prompt": "Hello"}')
})

test('broken JSON is a 400', async () => {
  app.silent = true // Koa would print the parser's error
  expect((await ask('{"prompt":', { 'content-type': 'application/json' })).status).toBe(400)
})

test('GET is answered 405', async () => {
  const { status, headers } = await open({})
  expect([status, headers.allow]).toEqual([405, 'POST'])
})

describe('an answer that is kept', () => {
  const post = (body: object) => request(app.callback()).post('/answers').send(body)
  const created = async () => {
    const { body, headers } = await post({ prompt: 'Why?' }).expect(201)
    expect(headers.location).toBe(`/answers/${body.id}`)
    return `/answers/${body.id}`
  }
  const runs = async () => (await request(app.callback()).get('/runs')).body.runs as number

  test('is written once whoever reads: who is cut off in the middle, and who comes late, gets each word once', async () => {
    const path = await created()
    const before = await runs()
    const first = await openStream(app, { path })
    const begun = await first.take(5)
    await using again = await first.reconnect()
    await using late = await openStream(app, { path })
    const [rest, all] = await Promise.all([again.ended(), late.ended()])
    expect([rest.at(-1)?.data, all.at(-1)?.data]).toEqual(['{}', '{}'])
    expect(content([...begun, ...rest])).toBe(content(all))
    expect(content(all)).toMatch(/^You asked: “Why\?” Each word .+ here instead\.$/)
    expect(await runs()).toBe(before + 1)
  })

  test('is stopped by DELETE', async () => {
    const path = await created()
    stream = await openStream(app, { path })
    await stream.take(3)
    await request(app.callback()).delete(path).expect(204)
    expect((await stream.ended()).at(-1)?.data).toBe('{"cancelled":true}')
  })

  test('needs a prompt, and an id that is known', async () => {
    await post({}).expect(400, 'Send JSON with a prompt: {"prompt": "Hello"}')
    await request(app.callback()).get('/answers/other').expect(404, 'There is no such answer')
    await request(app.callback()).delete('/answers/other').expect(404)
  })
})
