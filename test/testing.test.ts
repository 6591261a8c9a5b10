import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners, once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createBrotliCompress, createDeflate, createGzip, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import Koa from 'koa'
import { openStream, SseError, type TestStream } from 'koa-eventfeed/testing'

type Bytes = string | Buffer

function answering(respond: RequestListener): Server {
  return createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    respond(request, response)
  })
}

/** A server that writes each of the chunks as one HTTP chunk and ends the stream. */
function saying(...chunks: Bytes[]): Server {
  return answering((_request, response) => {
    for (const chunk of chunks) response.write(chunk)
    response.end()
  })
}

/** A server that writes the chunks and then is silent. */
function holding(...chunks: Bytes[]): Server {
  return answering((_request, response) => {
    response.flushHeaders()
    for (const chunk of chunks) response.write(chunk)
  })
}

function eachByte(text: string): Buffer[] {
  return [...Buffer.from(text)].map(byte => Buffer.of(byte))
}

function listening(server: NetServer): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function closing(server: NetServer): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

/** What keeps the process alive, but for what jest itself has open. */
function open(): string[] {
  return process.getActiveResourcesInfo().filter(name => /TCP|TLS|Pipe/.test(name))
}

/** What was not open before the test. What others had open may have been closed meanwhile. */
function leftOpen(): string[] {
  const known = [...before]
  return open().filter(name => {
    const index = known.indexOf(name)
    if (index >= 0) known.splice(index, 1)
    return index < 0
  })
}

async function failure(promise: Promise<unknown>): Promise<SseError> {
  const error = await promise.then(
    value => `resolved to ${JSON.stringify(value)}`,
    reason => reason,
  )
  expect(error).toBeInstanceOf(SseError)
  return error
}

let before: string[]

beforeEach(() => {
  before = open()
})

// Every test closes what it opens, so each of them shows that the client leaves nothing open.
afterEach(async () => {
  // Servers that a test closes itself take a moment; what the client closes is looked at in a test of its own.
  for (let turn = 0; turn < 4; turn += 1) await setImmediate()
  expect(leftOpen()).toEqual([])
})

describe('What the server wrote is what a test sees', () => {
  test('the stream is there as soon as the headers are, before any byte of the body', async () => {
    let write: ServerResponse['write'] | undefined
    const server = answering((_request, response) => {
      response.flushHeaders()
      write = response.write.bind(response)
    })
    await using stream = await openStream(server)
    expect([stream.status, stream.headers['content-type'], stream.text]).toEqual([200, 'text/event-stream', ''])
    const first = stream.next()
    write?.('data: a\n\n')
    expect(await first).toStrictEqual({ data: 'a' })
  })

  test('an event holds the fields that the server wrote and no other', async () => {
    await using stream = await openStream(saying('id: 1\nevent: tick\ndata: a\ndata: b\n\ndata: c\n\n'))
    expect(await stream.ended()).toStrictEqual([{ id: '1', event: 'tick', data: 'a\nb' }, { data: 'c' }])
  })

  test('an event can be read as JSON', async () => {
    await using stream = await openStream(saying('data: {"percent":\ndata: 5}\n\ndata: 5%\n\n'))
    const [json, text] = await stream.take(2)
    expect(json?.json<{ percent: number }>().percent).toBe(5)
    expect(() => text?.json()).toThrow(SyntaxError)
  })

  const text = ': é\nretry: 7\nid: ü\nevent: ö\ndata: a€\ndata: 😀\n\ndata: z\n\n'
  test.each(['\n', '\r', '\r\n'])('lines end with %j, wherever the chunks are cut', async end => {
    const written = text.replaceAll('\n', end)
    await using stream = await openStream(saying(...eachByte(written)))
    expect(await stream.ended()).toStrictEqual([{ id: 'ü', event: 'ö', data: 'a€\n😀' }, { data: 'z' }])
    expect([stream.comments, stream.retry, stream.lastEventId]).toEqual([['é'], 7, 'ü'])
    expect(stream.text).toBe(written)
  })

  test('an event that ends with CR is there without waiting for the next byte', async () => {
    await using stream = await openStream(holding('data: a\r\r'))
    expect(await stream.next()).toStrictEqual({ data: 'a' })
  })

  test('a byte order mark at the start is skipped', async () => {
    await using stream = await openStream(saying('\ufeffdata: a\n\n'))
    expect(await stream.ended()).toStrictEqual([{ data: 'a' }])
  })

  test('an event that the end cuts off is none, but its text is kept', async () => {
    await using stream = await openStream(saying('data: a\n\ndata: b\n', Buffer.from('data: é').subarray(0, -1)))
    expect(await stream.ended()).toStrictEqual([{ data: 'a' }])
    expect(stream.text).toBe('data: a\n\ndata: b\ndata: \ufffd')
  })

  test('comments need no blank line, and the last retry counts', async () => {
    await using stream = await openStream(holding(':\nretry: 10\n: one\n:two\nretry: 20\nretry: soon\ndata: a\n\n'))
    await stream.next()
    expect(stream.comments).toEqual(['', 'one', 'two'])
    expect(stream.retry).toBe(20)
  })

  test.each([
    ['id: 1\ndata: a\n\ndata: b\n\n', '1'],
    ['id: 1\ndata: a\n\nid: 2\n\n', '2'],
    ['id: 1\ndata: a\n\nid: 2\ndata: b\n', '1'],
    ['id: 1\ndata: a\n\nid\ndata: b\n\n', ''],
    ['id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', '1'],
    ['id:1:2 \ndata: a\n\nidea: 3\ndata: b\n\n', '1:2 '],
    ['data: a\n\n', 'start'],
  ])('of %j the last event id is %j, as in a browser', async (written, id) => {
    await using stream = await openStream(saying(written), { lastEventId: 'start' })
    expect(stream.lastEventId).toBe('start')
    await stream.ended()
    expect(stream.lastEventId).toBe(id)
  })

  test.each([
    ['gzip', createGzip()],
    ['deflate', createDeflate()],
    ['br', createBrotliCompress()],
  ])('a stream compressed with %s is read event by event', async (encoding, compressed) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding })
      compressed.pipe(response)
      compressed.write('data: a\n\n')
      compressed.flush()
    })
    await using stream = await openStream(server)
    expect(await stream.next()).toStrictEqual({ data: 'a' })
    compressed.end('data: b\n\n')
    expect(await stream.ended()).toStrictEqual([{ data: 'b' }])
  })
})

describe('Taking events', () => {
  const three = ['id: 1\ndata: a\n\n', 'id: 2\ndata: b\n\n', 'id: 3\ndata: c\n\n']
  const data = (events: readonly { data: string }[]) => events.map(event => event.data)

  test('next answers one after another, and undefined after the last', async () => {
    await using stream = await openStream(saying(...three))
    const next = [await stream.next(), await stream.next(), await stream.next(), await stream.next()]
    expect(next.map(event => event?.data)).toEqual(['a', 'b', 'c', undefined])
    expect(await stream.next()).toBeUndefined()
  })

  test('two that wait for the next event get one each, in their order', async () => {
    await using stream = await openStream(holding(...three))
    const both = await Promise.all([stream.next(), stream.next()])
    expect(both.map(event => event?.data)).toEqual(['a', 'b'])
  })

  test('take answers as many as asked for, ended the rest, and events all of them', async () => {
    await using stream = await openStream(saying(...three))
    expect(data(await stream.take(2))).toEqual(['a', 'b'])
    expect(await stream.take(0)).toEqual([])
    expect(data(await stream.ended())).toEqual(['c'])
    expect(await stream.ended()).toEqual([])
    expect(data(stream.events)).toEqual(['a', 'b', 'c'])
  })

  test('find skips to the first event that matches, and asks about each once', async () => {
    await using stream = await openStream(saying(...three))
    const asked: string[] = []
    const found = await stream.find(event => {
      asked.push(event.data)
      return event.id === '2'
    })
    expect(found.data).toBe('b')
    expect(asked).toEqual(['a', 'b'])
    expect(data(await stream.ended())).toEqual(['c'])
  })

  test('what the predicate of find throws is what find rejects with', async () => {
    await using stream = await openStream(holding(...three))
    await expect(stream.find(event => event.json())).rejects.toThrow(SyntaxError)
    expect((await stream.next())?.data).toBe('a')
  })

  test('a loop goes to the end, and one that is left leaves the stream open', async () => {
    await using stream = await openStream(saying(...three))
    for await (const event of stream) if (event.data === 'a') break
    const seen: string[] = []
    for await (const event of stream) seen.push(event.data)
    expect(seen).toEqual(['b', 'c'])
  })

  test('a stream that ends too early says what had come, and a call that fails takes nothing', async () => {
    await using stream = await openStream(saying(...three))
    await stream.next()
    const early = await failure(stream.take(3))
    expect(early.code).toBe('ERR_SSE_ENDED')
    expect(early.message).toContain(
      'before 3 events came: 2 events were left {"id":"2","data":"b"} {"id":"3","data":"c"}',
    )
    expect((await failure(stream.find(() => false))).code).toBe('ERR_SSE_ENDED')
    expect(data(await stream.take(2))).toEqual(['b', 'c'])
  })

  test.each([-1, 1.5, Number.NaN])('take(%d) is refused', async count => {
    await using stream = await openStream(holding())
    await expect(stream.take(count)).rejects.toThrow(RangeError)
  })
})

describe('Waiting has a limit', () => {
  const waits: [string, (stream: TestStream) => Promise<unknown>][] = [
    ['an event that matches', stream => stream.find(event => event.data === 'z')],
    ['2 events', stream => stream.take(2)],
    ['the end of the stream', stream => stream.ended()],
    ['the end of the response', stream => stream.body()],
  ]

  test.each(waits)('waiting for %s ends with what had come so far', async (what, wait) => {
    await using stream = await openStream(holding('data: a\n\n', ': hm\n'), { timeout: 100 })
    const error = await failure(wait(stream))
    expect(error.code).toBe('ERR_SSE_TIMEOUT')
    const came = '1 event was left {"data":"a"}; what was received ends with "data: a\\n\\n: hm\\n"'
    expect(error.message).toBe(`waited 100 ms for ${what}: ${came}`)
    expect(await stream.next()).toStrictEqual({ data: 'a' })
  })

  test('silence is told as silence, and the stack leads to the line that waited', async () => {
    await using stream = await openStream(holding(), { timeout: 250 })
    const error = await failure(stream.next())
    expect(error.message).toBe('waited 250 ms for an event: nothing was received')
    expect(error.stack).toContain('testing.test.ts')
  })

  test('a message stays short however much had come', async () => {
    await using stream = await openStream(saying(`data: ${'x'.repeat(10_000)}\n\n`.repeat(100)))
    const error = await failure(stream.take(101))
    expect(error.message).toContain('100 events were left')
    expect(error.message.length).toBeLessThan(1_000)
  })

  test('a server that sends no headers', async () => {
    let asked = 0
    const silent = createServer(() => {
      asked += 1
    })
    const error = await failure(openStream(silent, { timeout: 100 }))
    expect([error.code, asked]).toEqual(['ERR_SSE_TIMEOUT', 1])
    expect(silent.listening).toBe(false)
  })

  test('a faked clock does not stop it', async () => {
    jest.useFakeTimers()
    try {
      await using stream = await openStream(holding(), { timeout: 250 })
      expect((await failure(stream.next())).code).toBe('ERR_SSE_TIMEOUT')
    } finally {
      jest.useRealTimers()
    }
  })
})

describe('A stream that ends badly', () => {
  test('a connection that breaks off is no end, and what had come can still be taken', async () => {
    const server = answering((_request, response) => {
      response.write('data: a\n\n', () => response.destroy())
    })
    await using stream = await openStream(server)
    const error = await failure(stream.ended())
    expect([error.code, error.cause]).toEqual(['ERR_SSE_BROKEN', expect.objectContaining({ code: 'ECONNRESET' })])
    expect(await stream.next()).toStrictEqual({ data: 'a' })
    expect((await failure(stream.next())).code).toBe('ERR_SSE_BROKEN')
  })

  test('a connection that closes without the last chunk is no end either, though every event was whole', async () => {
    const server = answering((request, response) => {
      response.write('data: a\n\n', () => request.socket.end())
    })
    await using stream = await openStream(server)
    expect((await failure(stream.body())).code).toBe('ERR_SSE_BROKEN')
  })

  test('a compressed stream that breaks off is no end', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
      response.end(gzipSync('data: a\n\n').subarray(0, -4))
    })
    await using stream = await openStream(server)
    expect((await failure(stream.ended())).code).toBe('ERR_SSE_BROKEN')
  })

  test('a server that is not there is the error of the network', async () => {
    const server = createServer()
    const port = await listening(server)
    await closing(server)
    await expect(openStream(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('An answer that is no event stream', () => {
  const answers: [number, Record<string, string>, string, string][] = [
    [403, { 'content-type': 'text/plain' }, 'not you', 'status 403, text/plain, the body "not you"'],
    [
      500,
      { 'content-type': 'text/event-stream' },
      'data: a\n\n',
      'status 500, text/event-stream, the body "data: a\\n\\n"',
    ],
    [
      200,
      { 'content-type': 'text/html' },
      `<p>${'é'.repeat(300)}`,
      `status 200, text/html, the body "<p>${'é'.repeat(197)}…"`,
    ],
    [200, { 'content-type': 'text/event-streams' }, '', 'status 200, text/event-streams, no body'],
    [204, {}, '', 'status 204, no content type, no body'],
  ]

  test.each(answers)('%d with %j opens, and refuses to be read as one', async (status, headers, body, told) => {
    await using stream = await openStream(
      createServer((_request, response) => response.writeHead(status, headers).end(body)),
    )
    expect(stream.status).toBe(status)
    for (const wait of [
      () => stream.next(),
      () => stream.take(1),
      () => stream.find(() => true),
      () => stream.ended(),
    ]) {
      const error = await failure(wait())
      expect([error.code, error.message]).toEqual(['ERR_SSE_NOT_A_STREAM', `not an event stream: ${told}`])
    }
    expect(await stream.body()).toBe(body)
    expect(stream.events).toEqual([])
  })

  test('one that never ends is told of all the same', async () => {
    const server = createServer((_request, response) => response.writeHead(200).write('log'))
    await using stream = await openStream(server, { timeout: 250 })
    expect((await failure(stream.next())).message).toContain('the body "log"')
  })

  test('one that has sent enough to show is not waited for', async () => {
    const server = createServer((_request, response) => response.writeHead(200).write('x'.repeat(200)))
    await using stream = await openStream(server, { timeout: 60_000 })
    expect((await failure(stream.next())).message).toContain('x'.repeat(200))
  })

  test.each(['TEXT/Event-Stream', 'text/event-stream; charset=utf-8', 'text/event-stream;x'])(
    '%s is one',
    async type => {
      const server = createServer((_request, response) =>
        response.writeHead(200, { 'content-type': type }).end('data: a\n\n'),
      )
      await using stream = await openStream(server)
      expect(await stream.ended()).toStrictEqual([{ data: 'a' }])
      expect(await stream.body()).toBe('data: a\n\n')
    },
  )
})

describe('What is asked', () => {
  /** Answers with one event that tells the request. */
  const echo = answering(async (request, response) => {
    const { method, url, headers, httpVersion } = request
    const body = Buffer.concat(await request.toArray()).toString('latin1')
    response.end(`data: ${JSON.stringify({ method, url, headers, httpVersion, body })}\n\n`)
  })
  type Echo = Required<Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'httpVersion'>> & { body: string }
  const asked = async (...args: Parameters<typeof openStream>) => {
    await using stream = await openStream(...args)
    return (await stream.take(1))[0]?.json<Echo>()
  }

  test('by default GET / over HTTP/1.1, for an event stream, on a connection that may stay', async () => {
    const request = await asked(echo)
    expect(request).toMatchObject({ method: 'GET', url: '/', httpVersion: '1.1', body: '' })
    expect(request?.headers).toEqual({
      accept: 'text/event-stream',
      connection: 'keep-alive',
      host: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    })
  })

  test('path, method and headers', async () => {
    const headers = { Accept: 'text/html', cookie: 'a=1' }
    const request = await asked(echo, { path: '//a b?c=d', method: 'PUT', headers })
    expect(request).toMatchObject({
      method: 'PUT',
      url: '//a%20b?c=d',
      headers: { accept: 'text/html', cookie: 'a=1' },
    })
  })

  test('a header of undefined is not sent', async () => {
    expect((await asked(echo, { headers: { Accept: undefined } }))?.headers).not.toHaveProperty('accept')
  })

  test('a value is sent as JSON, by POST', async () => {
    const request = await asked(echo, { body: { prompt: 'hi' } })
    expect(request).toMatchObject({ method: 'POST', body: '{"prompt":"hi"}' })
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '15' })
  })

  test('a string and bytes are sent as they are', async () => {
    const text = await asked(echo, { body: '{', method: 'QUERY', headers: { 'Content-Type': 'text/plain' } })
    expect(text).toMatchObject({ method: 'QUERY', body: '{', headers: { 'content-type': 'text/plain' } })
    expect(await asked(echo, { body: Buffer.of(0, 255) })).toMatchObject({ method: 'POST', body: '\x00\xff' })
  })

  test.each([undefined, 'é', { a: 'é' }])(
    'a last event id is sent as the bytes of UTF-8, with the body %j',
    async body => {
      const sent = (await asked(echo, { lastEventId: 'ü€', body }))?.headers['last-event-id']
      expect(Buffer.from(`${sent}`, 'latin1').toString()).toBe('ü€')
    },
  )

  test('of a URL, with the path resolved against it', async () => {
    const port = await listening(echo)
    const base = `http://localhost:${port}/a/b?c`
    expect(await asked(base)).toMatchObject({ url: '/a/b?c', headers: { host: `localhost:${port}` } })
    expect(await asked(new URL(base), { path: 'd' })).toMatchObject({ url: '/a/d' })
    await closing(echo)
  })

  test('of a server on all addresses, and of one on IPv6', async () => {
    const hasIPv6 = Object.values(networkInterfaces()).some(all => all?.some(one => one.address === '::1'))
    for (const address of hasIPv6 ? ['0.0.0.0', '::', '::1'] : ['0.0.0.0']) {
      await once(echo.listen(0, address), 'listening')
      const host = address === '::1' ? '[::1]' : '127.0.0.1'
      expect((await asked(echo))?.headers.host?.replace(/:\d+$/, '')).toBe(host)
      await closing(echo)
    }
  })

  test('of an https server', async () => {
    // No certificate: the two sides agree on a cipher that needs none.
    const tls = { ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const
    const server = createHttpsServer(tls, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: secret\n\n')
    })
    await using stream = await openStream(server, { https: { ...tls, rejectUnauthorized: false } })
    expect(stream.url).toMatch(/^https:/)
    expect(await stream.ended()).toStrictEqual([{ data: 'secret' }])
  })

  const wrong: [string, unknown, object, RegExp][] = [
    ['no target', undefined, {}, /target must be a Koa app, a server .*, or a URL/],
    ['a URL that is none', 'localhost:3000', {}, /target must be a URL such as "http:/],
    ['a path without a slash', echo, { path: 'a' }, /path must start with "\/"/],
    ['a path that is none', echo, { path: 1 }, /path must be a string/],
    ['a method that is none', echo, { method: 'A B' }, /Method must be a valid HTTP token/],
    ['a header that cannot be sent', echo, { headers: { a: 'b\r\nc: d' } }, /Invalid character in header/],
    ['an id that cannot be', echo, { lastEventId: 'a\nb' }, /lastEventId cannot hold/],
    ['an id that is a number', echo, { lastEventId: 1 }, /lastEventId must be a string/],
    ['no time', echo, { timeout: 0 }, /timeout must be a number of milliseconds/],
    ['endless time', echo, { timeout: Number.POSITIVE_INFINITY }, /timeout must be a number of milliseconds/],
    ['a body that JSON cannot hold', echo, { body: () => {} }, /body must be/],
  ]

  test.each(wrong)('%s is refused', async (_name, target, options, message) => {
    const error = await openStream(target as Server, options).catch(reason => reason)
    expect(error).toMatchObject({
      name: expect.stringMatching(/^(Type|Range)Error$/),
      message: expect.stringMatching(message),
    })
    expect(echo.listening).toBe(false)
  })
})

describe('Holding back', () => {
  test('a paused stream makes the server wait, and a resumed one gets everything', async () => {
    const total = 1_024
    const line = 'x'.repeat(32_768)
    let written = 0
    let response: ServerResponse | undefined
    const server = answering(async (_request, res) => {
      response = res
      for (; written < total; written += 1) {
        if (!res.write(`id: ${written}\ndata: ${line}\n\n`)) await once(res, 'drain')
      }
      res.end()
    })
    await using stream = await openStream(server, { timeout: 15_000 })
    await stream.next()
    stream.pause()
    const received = stream.events.length
    // Silence is no event: the server stands still if it writes nothing for as long as this.
    for (let last = -1; last !== written; await delay(200)) last = written
    expect(response?.writableNeedDrain).toBe(true)
    expect(response?.writableLength).toBeGreaterThan(0)
    expect(written).toBeLessThan(total)
    expect(stream.events).toHaveLength(received)
    stream.resume()
    await stream.ended()
    expect(stream.events.map(event => event.id)).toEqual(Array.from({ length: total }, (_, index) => `${index}`))
    expect(stream.events.every(event => event.data === line)).toBe(true)
  })
})

describe('Reconnecting', () => {
  /** Tells in each event which id it was asked for; counts its connections. */
  function counter() {
    const requests: IncomingMessage[] = []
    const server = answering((request, response) => {
      requests.push(request)
      response.write(`id: ${requests.length}é\ndata: ${JSON.stringify(request.headers['last-event-id'] ?? null)}\n\n`)
    })
    return { server, requests }
  }

  test('sends the same request with the last id on a new connection, once the old one is closed', async () => {
    const { server, requests } = counter()
    const first = await openStream(server, { path: '/x', body: [1], headers: { cookie: 'a=1' } })
    expect(await first.take(1)).toStrictEqual([{ id: '1é', data: 'null' }])
    await using second = await first.reconnect()
    const [event] = await second.take(1)
    expect(Buffer.from(`${event?.json()}`, 'latin1').toString()).toBe('1é')
    const [one, two] = requests
    expect([one?.destroyed, one?.socket === two?.socket]).toEqual([true, false])
    const sent = { ...one?.headers, 'last-event-id': two?.headers['last-event-id'] }
    expect([two?.method, two?.url, two?.headers]).toEqual(['POST', '/x', sent])
    expect(second.lastEventId).toBe('2é')
  })

  test('hands the served app on: the new stream closes it, the old one does not', async () => {
    const { server } = counter()
    const first = await openStream(server)
    const second = await first.reconnect()
    await expect(first.reconnect()).rejects.toMatchObject({ code: 'ERR_SSE_CLOSED' })
    await first.close()
    expect(server.listening).toBe(true)
    await second.close()
    expect(server.listening).toBe(false)
  })

  test('works after the server has ended the stream, and keeps an id that was only given', async () => {
    const first = await openStream(saying('data: a\n\n'), { lastEventId: '9' })
    await first.ended()
    await using second = await first.reconnect()
    expect(second.lastEventId).toBe('9')
    expect(await second.ended()).toStrictEqual([{ data: 'a' }])
  })

  test('can be tried again while the server is away', async () => {
    const { server } = counter()
    const port = await listening(server)
    const first = await openStream(`http://127.0.0.1:${port}`)
    await first.take(1)
    server.close()
    server.closeAllConnections()
    await expect(first.reconnect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    const second = await first.reconnect()
    expect((await second.next())?.id).toBe('2é')
    await second.close()
    await closing(server)
  })
})

describe('Closing', () => {
  test('the server sees the client leave', async () => {
    const left = new Promise(resolve => {
      const server = answering((request, response) => {
        response.flushHeaders()
        request.on('error', error => resolve(error))
      })
      openStream(server).then(stream => stream.close())
    })
    expect(await left).toMatchObject({ code: 'ECONNRESET' })
  })

  test.each([
    ['an open stream', holding('data: a\n\n'), {}],
    ['one that has ended', saying('data: a\n\n'), {}],
    ['one with a body', holding('data: a\n\n'), { body: 'x'.repeat(1_000_000) }],
  ])('nothing is open once %s is closed', async (_name, server, options) => {
    const first = await openStream(server, options)
    await first.next()
    const second = await first.reconnect()
    await second.next()
    expect(open().length).toBeGreaterThan(before.length)
    await second.close()
    expect(leftOpen()).toEqual([])
  })

  test('a wait that is over leaves no timer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    await using stream = await openStream(saying('data: a\n\n'.repeat(1_000)))
    const start = timers()
    for await (const _event of stream);
    // jest has timers of its own that come and go.
    expect(timers()).toBeLessThan(start + 100)
  })

  test.each(['', 'content-length: 9\r\n'])('the socket is gone once a stream is closed (%j)', async length => {
    // A server that keeps its side open, so that the sockets can be told apart.
    const server = createNetServer({ allowHalfOpen: true }, socket => {
      socket.write(`HTTP/1.1 200 OK\r\n${length}content-type: text/event-stream\r\n\r\ndata: a\n\n`)
      server.once('release', () => socket.destroy())
    })
    const url = `http://127.0.0.1:${await listening(server)}`
    let closed = 0
    const watch = (message: unknown) => {
      const { socket } = message as { socket: Socket }
      socket.once('close', () => {
        closed += 1
      })
    }
    subscribe('net.client.socket', watch)
    const stream = await openStream(url)
    await (length ? stream.ended() : stream.next())
    // After the end the connection is kept for a next request, a turn later.
    await setImmediate()
    await stream.close()
    const left = await promisify(server.getConnections.bind(server))()
    const seen = { closed, left }
    server.emit('release')
    await closing(server)
    unsubscribe('net.client.socket', watch)
    expect(seen).toEqual({ closed: 1, left: 1 })
  })

  test('twice is harmless, and what waits or comes later is told', async () => {
    const stream = await openStream(holding('data: a\n\n'))
    await stream.next()
    const waiting = failure(stream.next())
    await Promise.all([stream.close(), stream.close()])
    expect((await waiting).code).toBe('ERR_SSE_CLOSED')
    expect((await failure(stream.next())).code).toBe('ERR_SSE_CLOSED')
    await expect(stream.reconnect()).rejects.toMatchObject({ code: 'ERR_SSE_CLOSED' })
    expect(stream.events).toStrictEqual([{ data: 'a' }])
  })

  test('a paused stream with much to read closes too', async () => {
    const server = answering((_request, response) => response.write(`data: ${'x'.repeat(20_000_000)}\n\n`))
    const stream = await openStream(server)
    stream.pause()
    await stream.close()
    expect(server.listening).toBe(false)
  })

  test('a server that was listening is left open', async () => {
    const server = holding('data: a\n\n')
    await listening(server)
    const stream = await openStream(server)
    await stream.close()
    expect(server.listening).toBe(true)
    await closing(server)
  })

  test('streams of one server share it, and the last closes it', async () => {
    const server = holding('data: a\n\n')
    const [one, two] = await Promise.all([openStream(server), openStream(server)])
    const three = await openStream(server)
    expect(new Set([one.url, two.url, three.url]).size).toBe(1)
    await one.close()
    await two.close()
    await two.close()
    expect(server.listening).toBe(true)
    await three.close()
    expect(server.listening).toBe(false)
  })

  test('closing during a reconnect takes nothing from the other streams of a server', async () => {
    const server = holding('data: a\n\n')
    const [first, other] = await Promise.all([openStream(server), openStream(server)])
    const [second] = await Promise.all([first.reconnect(), first.close()])
    await second.close()
    expect(server.listening).toBe(true)
    await other.close()
  })

  test('a server that cannot listen is the error of the network, and can be tried again', async () => {
    const other = createServer()
    let port = await listening(other)
    const server = saying('data: a\n\n')
    const listen = server.listen.bind(server)
    Object.assign(server, { listen: (_any: number, host: string, done: () => void) => listen(port, host, done) })
    await expect(openStream(server)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    port = 0
    await using stream = await openStream(server)
    expect(await stream.ended()).toStrictEqual([{ data: 'a' }])
    await closing(other)
  })

  test('a client that others forgot does not keep a served app open', async () => {
    const server = holding('data: a\n\n')
    const stream = await openStream(server)
    const forgotten = await openStream(stream.url)
    await stream.close()
    expect((await failure(forgotten.ended())).code).toBe('ERR_SSE_BROKEN')
    await forgotten.close()
  })

  test('a Koa app is served and closed again', async () => {
    const app = new Koa().use(ctx => {
      ctx.type = 'text/event-stream'
      ctx.body = `data: ${ctx.path}\n\n`
    })
    const stream = await openStream(app, { path: '/koa' })
    expect(await stream.ended()).toStrictEqual([{ data: '/koa' }])
    await stream.close()
    await expect(openStream(stream.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('A signal', () => {
  test('closes the stream and what was opened for it, with its reason', async () => {
    const server = holding('data: a\n\n')
    const controller = new AbortController()
    const stream = await openStream(server, { signal: controller.signal })
    await stream.next()
    const waiting = stream.next()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await stream.close()
    expect(server.listening).toBe(false)
  })

  test('stops an opening, before and while it waits', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const silent = createServer(() => controller.abort(reason))
    await expect(openStream(silent, { signal: controller.signal })).rejects.toBe(reason)
    await expect(openStream(silent, { signal: controller.signal })).rejects.toBe(reason)
    expect(silent.listening).toBe(false)
  })

  test('holds for the stream of a reconnect', async () => {
    const controller = new AbortController()
    const first = await openStream(holding('data: a\n\n'), { signal: controller.signal })
    const second = await first.reconnect()
    controller.abort(new Error('enough'))
    await expect(second.take(2)).rejects.toThrow('enough')
    await second.close()
  })

  test('has no listener left once the streams are closed', async () => {
    const { signal } = new AbortController()
    const first = await openStream(holding('data: a\n\n'), { signal })
    const second = await first.reconnect()
    await second.close()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
