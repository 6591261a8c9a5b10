import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Source, StreamRequest } from 'koa-eventfeed'
import { connectionsGone, connectRaw, garbageCollected, get, serve, turns } from './support.js'

const aborted = (signal: AbortSignal) => new Promise(resolve => signal.addEventListener('abort', resolve))

test('after 1,000 connects and random disconnects nothing is left: no connection, listener, timer or generator', async () => {
  let alive = 0
  const signals: WeakRef<AbortSignal>[] = []
  const source = (run: (request: StreamRequest) => AsyncGenerator<unknown>): Source =>
    async function* (request) {
      alive += 1
      signals.push(new WeakRef(request.signal))
      try {
        yield* run(request)
      } finally {
        alive -= 1
      }
    }
  await using served = await serve(sse => {
    sse.streamGen(
      '/tick',
      source(async function* ({ signal }) {
        for (;;) {
          yield 'tick'
          await sleep(1 + Math.random() * 5, undefined, { signal })
        }
      }),
    )
    sse.streamGen(
      '/flood',
      source(async function* () {
        for (;;) yield 'x'.repeat(10_000)
      }),
    )
    sse.streamGen(
      '/parked',
      source(async function* ({ signal }) {
        yield await aborted(signal)
      }),
    )
    sse.streamGen(
      '/short',
      source(async function* () {
        yield 'x'
      }),
    )
    sse.streamFunc('/func', () => 'x', { interval: 2 })
  })
  const before = sockets()
  const paths = ['/tick', '/flood', '/parked', '/short', '/func']
  const visit = async (n: number) => {
    const client = await connectRaw(served.port, get(paths[n % paths.length] ?? ''))
    if (n % 7 === 0) client.socket.pause()
    if (n % 3 !== 0) await sleep(Math.random() * 10)
    if (n % 2 === 0) client.socket.resetAndDestroy()
    else client.socket.destroy()
  }
  for (let n = 0; n < 1_000; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => visit(n + i)))
  await connectionsGone(served.server)
  while (alive > 0) await turns()
  await turns(20)
  expect(served.errors).toEqual([])
  expect(signals.length).toBeGreaterThan(100)
  // What a connection held on to, its signal would be held by too.
  await garbageCollected(signals)
  expect(sockets().length).toBeLessThanOrEqual(before.length)
})

const sockets = () => process.getActiveResourcesInfo().filter(type => type === 'TCPSocketWrap')
