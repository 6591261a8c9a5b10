import http from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { ServerSentEvent } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { connectRaw, deferred, get, serve, unchunk } from './support.js'

const parked = ({ signal }: { signal: AbortSignal }) =>
  (async function* () {
    await new Promise(resolve => signal.addEventListener('abort', resolve))
  })()

describe('every event stream', () => {
  test('answers 200 with headers that no cache and no proxy holds back, at once and before any event', async () => {
    await using served = await serve(sse => sse.streamGen('/s', parked))
    const stream = await openStream(served.server, { path: '/s' })
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    expect(stream.headers).not.toHaveProperty('content-length')
    expect(stream.headers).not.toHaveProperty('content-encoding')
    await stream.close()
  })

  test('begins with a comment, and the retry time if there is one, before any event: Firefox says open only after a byte', async () => {
    await using served = await serve(sse => {
      sse.streamGen('/s', parked).streamGen('/retry', parked, { retry: 1_234 })
    })
    await using plain = await connectRaw(served.port, get('/s'))
    await using retry = await connectRaw(served.port, get('/retry'))
    expect(await plain.until(/\r\n\r\n2\r\n:\n\r\n$/)).toContain('HTTP/1.1 200 OK')
    expect(await retry.until(/\r\n\r\ne\r\n:\nretry: 1234\n\r\n$/)).toContain('HTTP/1.1 200 OK')
  })

  test('is framed exactly, whatever the characters are', async () => {
    const texts = ['ä', '€uro', '🎈', 'x'.repeat(70_000), '', 'end']
    await using served = await serve(sse => sse.streamGen('/s', texts, { end: false }))
    await using client = await connectRaw(served.port, get('/s', { Connection: 'close' }))
    expect(unchunk(await client.end())).toBe(`:\n${texts.map(text => `data: ${text}\n\n`).join('')}`)
  })

  test('leaves its connection fit for the next request when it ends', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['once'], { end: false }))
    await using client = await connectRaw(served.port, get('/s'))
    await client.until(/\r\n0\r\n\r\n$/)
    client.socket.write(get('/s', { Connection: 'close' }))
    expect((await client.end()).match(/HTTP\/1.1 200 OK[\s\S]*?data: once\n\n\r\n0\r\n\r\n/g)).toHaveLength(2)
    expect(client.socket.listenerCount('drain')).toBe(0)
  })

  test('that was asked for before an earlier answer was finished waits for its turn', async () => {
    const go = deferred()
    await using served = await serve(sse => {
      sse.streamGen('/first', async function* () {
        await go.promise
        yield 'first'
      })
      sse.streamGen('/second', ['second'])
    })
    await using client = await connectRaw(served.port, get('/first') + get('/second', { Connection: 'close' }))
    await client.until(/:\n/)
    go.resolve()
    const text = await client.end()
    expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2)
    expect(text.indexOf('data: first')).toBeLessThan(text.indexOf('data: second'))
    expect(unchunk(text.slice(text.lastIndexOf('HTTP/1.1')))).toMatch(/^:\ndata: second\n\n/)
  })

  test('is not chunked for a client of HTTP/1.0, and ends with the connection', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['a', 'b'], { end: false }))
    await using client = await connectRaw(served.port, get('/s', {}, '1.0'))
    const text = await client.end()
    expect(text).not.toMatch(/transfer-encoding/i)
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(':\ndata: a\n\ndata: b\n\n')
  })

  test('outlives a timeout of its server', async () => {
    await using served = await serve(sse => sse.streamFunc('/s', () => 'tick', { interval: 150, limit: 3 }))
    served.server.setTimeout(50)
    const stream = await openStream(served.server, { path: '/s' })
    expect(await stream.take(3)).toHaveLength(3)
    await stream.close()
  })
})

describe('many events in one turn of the event loop', () => {
  const chunksOf = (text: string) => text.split(/\r\n[0-9a-f]+\r\n/).slice(1)

  test('leave in one write, and the first at once', async () => {
    await using served = await serve(sse => {
      sse.streamGen('/s', async function* () {
        for (let n = 0; n < 20; n++) yield n
      })
    })
    await using client = await connectRaw(served.port, get('/s'))
    const chunks = chunksOf(await client.until(/\r\n0\r\n\r\n$/))
    expect(chunks[0]).toBe(':\ndata: 0\n\n')
    expect(chunks.length).toBeLessThan(15) // of 20 events; slices of time may end in between
    expect(chunks.join('')).toContain(`data: 18\n\ndata: 19\n\nevent: stream-end`)
  })

  test('do not keep other requests waiting, however fast the generator is', async () => {
    await using served = await serve(
      sse => {
        sse.streamGen('/endless', async function* () {
          for (;;) yield 'x'.repeat(10)
        })
        sse.streamGen('/silent', async function* () {
          for (;;) yield undefined
        })
        sse.streamGen('/sync', {
          *[Symbol.iterator]() {
            for (;;) yield undefined
          },
        })
      },
      {
        before: [
          async (ctx, next) => {
            if (ctx.path === '/plain') ctx.body = 'plain'
            else await next()
          },
        ],
      },
    )
    const streams = await Promise.all(['/endless', '/silent', '/sync'].map(path => openStream(served.server, { path })))
    for (let n = 0; n < 20; n++) expect(await (await fetch(`${served.url}/plain`)).text()).toBe('plain')
    await Promise.all(streams.map(stream => stream.close()))
  })
})

describe('a request that is no plain GET', () => {
  test('A2: HEAD has the headers of the stream, ends at once and starts nothing', async () => {
    let started = 0
    await using served = await serve(sse =>
      sse.streamGen('/s', () => {
        started += 1
        return []
      }),
    )
    const { status, headers } = await fetch(`${served.url}/s`, { method: 'HEAD' })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(headers.has('content-length')).toBe(false)
    expect(started).toBe(0)
  })

  test('two pipelined HEADs get two answers', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['x']))
    await using client = await connectRaw(
      served.port,
      get('/s', {}, '1.1', 'HEAD') + get('/s', { Connection: 'close' }, '1.1', 'HEAD'),
    )
    const text = await client.end()
    expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2)
    expect(text).not.toContain('data:')
  })

  test('A2: POST is answered 405 with what is allowed', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['x']))
    const { status, headers } = await fetch(`${served.url}/s`, { method: 'POST' })
    expect(status).toBe(405)
    expect(headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD'])
    expect(served.errors).toEqual([])
  })

  test.each([
    ['text/event-stream', 200],
    ['*/*', 200],
    ['text/*', 200],
    [undefined, 200],
    ['text/html', 406],
    ['application/json', 406],
    ['text/html, text/event-stream;q=0.5', 200],
  ])('F8: Accept %s → %i', async (accept, status) => {
    await using served = await serve(sse => sse.streamGen('/s', ['x']))
    await using client = await connectRaw(
      served.port,
      get('/s', { Connection: 'close', ...(accept && { Accept: accept }) }),
    )
    expect(await client.end()).toMatch(`HTTP/1.1 ${status} `)
    expect(served.errors).toEqual([])
  })
})

describe('keep-alive', () => {
  test('is a comment without a blank line, after every silence of the time that was set', async () => {
    await using served = await serve(sse => sse.streamGen('/s', parked, { keepAlive: 100 }))
    await using client = await connectRaw(served.port, get('/s'))
    const start = performance.now()
    await client.until(/(2\r\n:\n\r\n){4}$/)
    expect(performance.now() - start).toBeGreaterThan(290)
  })

  test('says nothing while events flow', async () => {
    await using served = await serve(sse =>
      sse.streamFunc('/s', () => 'x', { interval: 20, limit: 60, keepAlive: 600, end: false }),
    )
    await using client = await connectRaw(served.port, get('/s', { Connection: 'close' }))
    expect(unchunk(await client.end())).toBe(`:\n${'data: x\n\n'.repeat(60)}`)
  })

  test('can be turned off', async () => {
    await using served = await serve(sse => {
      sse.streamGen('/off', parked, { keepAlive: false }).streamGen('/on', parked, { keepAlive: 60 })
    })
    await using off = await connectRaw(served.port, get('/off'))
    await using on = await connectRaw(served.port, get('/on'))
    await on.until(/(2\r\n:\n\r\n){4}$/)
    expect(off.text()).toMatch(/\r\n\r\n2\r\n:\n\r\n$/)
  })
})

test('an event of every kind arrives at a client of node:http as it was sent', async () => {
  const event = new ServerSentEvent({ percent: 5 }, { event: 'progress', id: 5, retry: 2_000 })
  await using served = await serve(sse => sse.streamGen('/s', [event, 'plain', null]))
  const response = await new Promise<http.IncomingMessage>(resolve => http.get(`${served.url}/s`, resolve))
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  expect(text).toBe(
    ':\nevent: progress\nid: 5\nretry: 2000\ndata: {"percent":5}\n\ndata: plain\n\ndata: null\n\n' +
      'event: stream-end\nid: stream-end\ndata: {}\n\n',
  )
})
