import { expect, test } from '@jest/globals'
import { open, type Received, textOf } from './client.js'
import { KEEP_ALIVE, type Origin } from './origin.js'

/** A way into a proxy. */
export interface Front {
  /** What the names of its tests begin with. */
  readonly name: string
  /** Where the streams are: `http:`, `https:`, or `h2:` for HTTP/2 with TLS. */
  url(): string
  origin(): Origin
  /** The setting that ends an idle stream here. */
  readonly timeout: string
}

/** What holds behind every proxy. */
export function proveStreams({ name, url, origin, timeout }: Front): void {
  const ask = (path: string, headers: Record<string, string> = {}) => open(`${url()}/sse/${path}`, headers)

  test(`${name}: headers come at once, before there is any event`, async () => {
    using stream = await ask('silent/unkept')
    expect(stream.status).toBe(200)
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  })

  test(`${name}: every event comes as soon as it is published, a small one behind a large one too`, async () => {
    using stream = await ask('news/unkept')
    await expectEvents(stream, origin())
  })

  test(`${name}: an idle stream stays open past ${timeout}, which cuts one without keep-alive`, async () => {
    using kept = await ask('news/kept')
    using unkept = await ask('news/unkept')
    await expectOpen(kept)
    await unkept.over()
    await origin().publish('still here')
    expect((await kept.next()).data).toBe('still here')
  })

  test(`${name}: a reconnect with Last-Event-ID gets what was missed, once, and what comes`, async () => {
    const first = await ask('news/unkept')
    await expectOpen(first)
    await origin().publish('seen')
    const { id = '' } = await first.next()
    first.leave()
    await origin().publish('missed')
    using again = await ask('news/unkept', { 'Last-Event-ID': id })
    expect((await again.next()).data).toBe('missed')
    await expectOpen(again)
    await origin().publish('new')
    expect((await again.next()).data).toBe('new')
  })

  test(`${name}: a finite stream ends, and its reconnect is answered 204, nobody else's request`, async () => {
    using stream = await ask('mine', { 'X-User': 'ann' })
    await stream.next()
    const { id = '' } = await stream.next()
    await expect(stream.next()).rejects.toThrow('over')
    using again = await ask('mine', { 'X-User': 'ann', 'Last-Event-ID': id })
    using other = await ask('mine', { 'X-User': 'bob' })
    expect([again.status, other.status]).toEqual([204, 200])
  })
}

/** Publishes each event when the one before has come. 20 take a few milliseconds each; a proxy that collects them takes 200. */
export async function expectEvents(stream: Received, origin: Origin): Promise<void> {
  await expectOpen(stream)
  const began = performance.now()
  for (let n = 0; n < 20; n++) {
    const data = `${n} ${n % 5 === 0 ? 'x'.repeat(100_000) : ''}`
    await origin.publish(data)
    expect((await stream.next()).data).toBe(data)
  }
  expect(performance.now() - began).toBeLessThan(2_000)
}

async function expectOpen(stream: Received): Promise<void> {
  expect((await stream.next()).event).toBe('stream-open')
}

/** Where the proxy tells the app by itself. */
export function proveLeaving({ name, url, origin }: Front): void {
  test(`${name}: the app is told at once of a client that leaves`, async () => {
    const left = origin().left()
    const stream = await open(`${url()}/sse/silent/unkept`)
    const began = performance.now()
    stream.leave()
    await left
    expect(performance.now() - began).toBeLessThan(500)
  })
}

const COUNT = { second: 2, third: 3 }

/** Where the proxy learns it by writing to the client: the first keep-alive is answered by a reset, and a later one meets it. */
export function proveLeavingLate({ name, url, origin }: Front, which: keyof typeof COUNT): void {
  test(`${name}: the app is told of a client that leaves by the ${which} keep-alive`, async () => {
    const left = origin().left()
    const stream = await open(`${url()}/sse/silent/kept`)
    const began = performance.now()
    stream.leave()
    await left
    // A keep-alive may be late, by less than its interval.
    expect(performance.now() - began).toBeLessThan((COUNT[which] + 2) * KEEP_ALIVE)
  })
}

/** Of a proxy that keeps what may be kept: users are told apart by a header that no cache looks at. */
export function proveNothingCached({ name, url }: Front): void {
  const as = (user: string) => open(`${url()}/sse/mine/open`, { 'X-User': user })

  test(`${name}: nobody gets another's stream from the cache, neither while that is open nor later`, async () => {
    const counter = `${url()}/counter`
    expect(await textOf(counter)).toBe(await textOf(counter))
    const users = ['ann', 'bob', 'cleo', 'dan']
    const streams = await Promise.all(users.map(user => as(user)))
    const data = await Promise.all(streams.map(async stream => (await stream.next()).data))
    expect(data).toEqual(users.map(user => `for ${user}`))
    for (const stream of streams) stream.leave()
    using later = await as('eve')
    expect((await later.next()).data).toBe('for eve')
  })
}

/** The address of the client is what the proxy says, not the client. */
export function proveAddress({ name, url }: Front): void {
  test(`${name}: no client can forge its address`, async () => {
    expect(await textOf(`${url()}/ip`, { 'X-Forwarded-For': '192.0.2.6' })).toBe('127.0.0.1')
  })
}
