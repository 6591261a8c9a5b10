import { constants } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import type { Context, Middleware } from 'koa'
import compress from 'koa-compress'
import { fetch } from 'undici'
import { proveStreams, quietly } from '../contract.js'
import { Reader } from '../reader.js'
import { dataOf, KINDS } from '../streams.js'
import { openPlainly, type Protocol, protocols, serveSecurely } from './secure.js'

describe.each<[string, Protocol]>([...protocols])(`%s of Node.js ${process.versions.node}`, (_name, protocol) => {
  const serve = () => serveSecurely(protocol)
  proveStreams(serve)

  test('it is this protocol that is spoken', () => {
    const tell: Middleware = (ctx, next) => {
      ctx.set('X-Version', ctx.req.httpVersion)
      return next()
    }
    return quietly(
      () => serveSecurely(protocol, {}, [tell]),
      async ({ url, dispatcher }) => {
        await using reader = await Reader.open(`${url}/channel`, { dispatcher })
        expect(reader.headers.get('x-version')).toBe(protocol.version)
      },
    )
  })

  test.each(['/channel', '/shared'])('%s resumes after its last event ID', path =>
    quietly(serve, async ({ url, streams, dispatcher }) => {
      await using first = await Reader.open(`${url}${path}`, { dispatcher })
      await first.begun()
      for (const n of [1, 2, 3]) await streams.send(n)
      while ((await first.find('step')).id !== '1');
      await using again = await Reader.open(`${url}${path}`, { dispatcher, headers: { 'Last-Event-ID': '1' } })
      for (const n of [2, 3]) expect(await again.find('step')).toMatchObject({ id: `${n}`, data: dataOf(n) })
    }),
  )

  test('thirty viewers of a shared generator have one run, and get the same', () =>
    quietly(serve, async ({ url, sse, streams, dispatcher }) => {
      const open = () => Reader.open(`${url}/shared`, { dispatcher })
      const readers = await Promise.all(Array.from({ length: 30 }, open))
      await Promise.all(readers.map(reader => reader.begun()))
      expect(sse.stats().runs).toEqual([expect.objectContaining({ viewers: 30 })])
      await streams.send(1)
      for (const reader of readers) expect(await reader.next()).toMatchObject({ id: '1' })
      for (const reader of readers) await reader[Symbol.asyncDispose]()
    }))

  test.each(KINDS)('each event of a compressed %s arrives as soon as it is sent', (_kind, path) =>
    quietly(
      () => serveSecurely(protocol, { compress: true }, [compress({ gzip: { flush: constants.Z_SYNC_FLUSH } })]),
      async ({ url, streams, dispatcher }) => {
        await using reader = await Reader.open(`${url}${path}`, { dispatcher, headers: { 'Accept-Encoding': 'gzip' } })
        expect(reader.headers.get('content-encoding')).toBe('gzip')
        await reader.begun()
        for (const n of [1, 2]) {
          await streams.send(n)
          expect(await reader.next()).toMatchObject({ data: dataOf(n) })
        }
      },
    ),
  )

  test.each(KINDS)('a %s is refused to who may not read it', (_kind, path) => {
    const authorize = (ctx: Context) => ctx.get('Authorization') === 'yes'
    return quietly(
      () => serveSecurely(protocol, { authorize }),
      async ({ url, streams, dispatcher }) => {
        expect((await fetch(`${url}${path}`, { dispatcher })).status).toBe(403)
        expect(await streams.open()).toBe(0)
        await using reader = await Reader.open(`${url}${path}`, { dispatcher, headers: { Authorization: 'yes' } })
        expect(reader.status).toBe(200)
      },
    )
  })

  test.each(KINDS)('disconnect ends the %s of who is picked, and nobody else', (_kind, path) =>
    quietly(serve, async ({ url, sse, streams, dispatcher }) => {
      await using ann = await Reader.open(`${url}${path}`, { dispatcher, headers: { 'X-User': 'ann' } })
      await using bob = await Reader.open(`${url}${path}`, { dispatcher, headers: { 'X-User': 'bob' } })
      await Promise.all([ann.begun(), bob.begun()])
      expect(await sse.disconnect(ctx => ctx.get('X-User') === 'ann')).toBe(1)
      expect(await ann.next()).toBeUndefined()
      await streams.send(1)
      expect(await bob.next()).toMatchObject({ id: '1' })
    }),
  )

  test('HEAD is answered without a stream, and a method that is not served with 405', () =>
    quietly(serve, async ({ url, streams, dispatcher }) => {
      const ask = (method: string) => fetch(`${url}/generator`, { method, dispatcher })
      expect([(await ask('HEAD')).status, (await ask('POST')).status]).toEqual([200, 405])
      expect(await streams.open()).toBe(0)
    }))

  test('close ends every stream, and breaks none off', () =>
    quietly(serve, async ({ url, sse }) => {
      const streams = await Promise.all(KINDS.map(([, path]) => openPlainly(protocol, url, path)))
      await sse.close()
      await Promise.all(streams.map(({ ended }) => ended))
    }))
})
