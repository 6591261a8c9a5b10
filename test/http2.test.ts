import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { SseRouter } from 'koa-eventfeed'
import { deferred, turns } from './support.js'

async function serve(routes: (sse: SseRouter) => void) {
  const sse = new SseRouter()
  routes(sse)
  const app = new Koa()
  const errors: Error[] = []
  app.on('error', error => errors.push(error))
  app.use(sse.routes()).use(sse.allowedMethods())
  const server = http2.createServer(app.callback())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const request = (path: string, headers: http2.OutgoingHttpHeaders = {}) => {
    const stream = client.request({ ':path': path, ...headers })
    let text = ''
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    const until = async (end: string) => {
      while (!text.endsWith(end)) await once(stream, 'data')
      return text
    }
    return {
      stream,
      head: once(stream, 'response').then(([head]) => head as http2.IncomingHttpHeaders),
      until,
      text: () => text,
    }
  }
  const dispose = async () => {
    await sse.close()
    client.close()
    if (server.listening) await new Promise<void>(resolve => server.close(() => resolve()))
  }
  return { sse, server, client, errors, request, [Symbol.asyncDispose]: dispose }
}

describe('over HTTP/2', () => {
  test('headers come at once, without those that HTTP/2 forbids, and every event as it is sent', async () => {
    const go = deferred()
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        await go.promise
        yield 'first'
        yield { n: 2 }
      }),
    )
    const { head, until, stream } = served.request('/s')
    expect(await head).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
    })
    expect(await head).not.toHaveProperty('transfer-encoding')
    expect(await head).not.toHaveProperty('connection')
    expect(await until(':\n')).toBe(':\n')
    go.resolve()
    await once(stream, 'end')
    expect(await until('{}\n\n')).toBe(
      ':\ndata: first\n\ndata: {"n":2}\n\nevent: stream-end\nid: stream-end\ndata: {}\n\n',
    )
    expect(served.errors).toEqual([])
  })

  test('30 streams share a connection, with keep-alive on each', async () => {
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        async function* ({ signal }) {
          await sleep(60_000, undefined, { signal })
          yield 1
        },
        { keepAlive: 60 },
      ),
    )
    const requests = Array.from({ length: 30 }, () => served.request('/s'))
    await Promise.all(requests.map(({ until }) => until(':\n:\n:\n')))
  })

  test('K1: a client that cancels aborts the signal, runs finally, and is no error', async () => {
    const finished = deferred()
    await using served = await serve(sse =>
      sse.streamGen('/s', async function* ({ signal }) {
        try {
          yield 'x'
          await sleep(60_000, undefined, { signal })
        } finally {
          finished.resolve()
        }
      }),
    )
    const { stream, until } = served.request('/s')
    await until('data: x\n\n')
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await finished.promise
    await turns(5)
    expect(served.errors).toEqual([])
  })

  test('a client that does not read holds the generator, and gets everything once it reads', async () => {
    let pulled = 0
    await using served = await serve(sse =>
      sse.streamGen(
        '/s',
        async function* () {
          for (; pulled < 3_000; pulled++) yield `${pulled} ${'x'.repeat(1_000)}`
        },
        { end: false },
      ),
    )
    const { stream, text, head } = served.request('/s')
    await head
    stream.pause()
    let before = -1
    while (pulled !== before) {
      before = pulled
      await turns(200)
    }
    expect(pulled).toBeLessThan(2_000)
    stream.resume()
    await once(stream, 'end')
    expect([...text().matchAll(/^data: (\d+) /gm)].map(match => Number(match[1]))).toEqual(
      Array.from({ length: 3_000 }, (_, n) => n),
    )
  })

  test('an error before the first event is an ordinary HTTP error, a later one ends the stream without a word', async () => {
    await using served = await serve(sse => {
      sse.streamGen('/early', function* () {
        yield* []
        throw Object.assign(new Error('No such job'), { status: 404, expose: true })
      })
      sse.streamGen('/late', async function* () {
        yield 1
        await turns(3)
        throw new Error('secret')
      })
    })
    const early = served.request('/early')
    expect(await early.head).toMatchObject({ ':status': 404 })
    expect(await early.until('No such job')).toBe('No such job')
    const late = served.request('/late')
    await once(late.stream, 'end')
    expect(late.text()).toBe(':\ndata: 1\n\n')
    expect(served.errors.map(error => error.message)).toEqual(['No such job', 'secret'])
  })

  test('HEAD ends at once, and a Post is answered 405', async () => {
    await using served = await serve(sse => sse.streamGen('/s', ['x']))
    const head = served.request('/s', { ':method': 'HEAD' })
    expect(await head.head).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream; charset=utf-8' })
    await once(head.stream, 'close')
    expect(head.text()).toBe('')
    expect(await served.request('/s', { ':method': 'POST' }).head).toMatchObject({ ':status': 405 })
  })

  test('sse.close() ends the streams and lets server.close() return while the client stays connected', async () => {
    const served = await serve(sse =>
      sse.streamGen('/s', async function* ({ signal }) {
        yield 'x'
        await sleep(60_000, undefined, { signal })
      }),
    )
    const { stream, until } = served.request('/s')
    await until('data: x\n\n')
    const ended = once(stream, 'end')
    await served.sse.close()
    await new Promise<void>(resolve => served.server.close(() => resolve()))
    await ended
    expect(served.errors).toEqual([])
  })

  test('sse.close() resolves though a client has cancelled while it was authorised', async () => {
    const arrived = deferred()
    const go = deferred()
    const served = await serve(sse =>
      sse.streamGen('/s', ['x'], {
        authorize: async () => {
          arrived.resolve()
          await go.promise
          return true
        },
      }),
    )
    const { stream } = served.request('/s')
    stream.on('error', () => {})
    await arrived.promise
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await once(stream, 'close')
    go.resolve()
    await turns(5)
    await served.sse.close()
    served.client.close()
    await new Promise<void>(resolve => served.server.close(() => resolve()))
    expect(served.errors).toEqual([])
  })

  test('sse.close() does not wait for ever for a client that does not read', async () => {
    const flowing = deferred()
    const served = await serve(sse =>
      sse.streamGen('/s', async function* () {
        const timer = setTimeout(flowing.resolve, 100)
        for (;;) {
          yield 'x'.repeat(100_000)
          timer.refresh()
        }
      }),
    )
    const { stream, head } = served.request('/s')
    stream.on('error', () => {})
    served.client.on('error', () => {})
    await head
    stream.pause()
    await flowing.promise
    await served.sse.close()
    await new Promise<void>(resolve => served.server.close(() => resolve()))
    expect(served.errors).toEqual([])
  })

  test('an idle stream outlives a timeout of its server', async () => {
    await using served = await serve(sse => sse.streamFunc('/s', () => 'x', { interval: 150, limit: 3, end: false }))
    served.server.setTimeout(50)
    const { stream, text } = served.request('/s')
    await once(stream, 'end')
    expect(text()).toBe(`:\n${'data: x\n\n'.repeat(3)}`)
  })
})
