import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import type { Middleware } from 'koa'
import session from 'koa-session'
import { packageVersion } from '../clients/versions.js'
import { proveStreams, quietly } from '../contract.js'
import { behind, koas } from '../koas.js'
import { Reader } from '../reader.js'

type Options = Parameters<typeof session>[0]

/** Counts a user's visits in a session, and tells the count in a header. */
function visits(options: Options = {}): Middleware[] {
  let sessions: Middleware | undefined
  return [
    (ctx, next) => {
      ctx.app.keys = ['a secret']
      sessions ??= session(options, ctx.app as Koa) as Middleware
      return sessions(ctx, next)
    },
    (ctx, next) => {
      ctx.session.visits = (ctx.session.visits ?? 0) + 1
      ctx.set('X-Visits', String(ctx.session.visits))
      return next()
    },
  ]
}

const cookieOf = ({ headers }: Reader) =>
  headers
    .getSetCookie()
    .map(cookie => cookie.split(';')[0])
    .join('; ')

describe.each(koas)(`koa-session ${packageVersion('koa-session')} on %s`, (_name, Application) => {
  const serve = behind(Application, () => visits())
  proveStreams(serve)

  test('a stream sets the cookie of the session, and the next one has what is in it', () =>
    quietly(serve, async ({ url }) => {
      await using first = await Reader.open(`${url}/generator`)
      expect([first.headers.get('x-visits'), cookieOf(first)]).toEqual(['1', expect.stringMatching(/^koa\.sess=/)])
      await using second = await Reader.open(`${url}/channel`, { headers: { Cookie: cookieOf(first) } })
      expect(second.headers.get('x-visits')).toBe('2')
    }))

  test('a session in a store is there as soon as the stream has begun', () => {
    const kept = new Map<string, unknown>()
    const store = {
      get: async (key: string) => kept.get(key),
      set: async (key: string, value: unknown) => void kept.set(key, value),
      destroy: async (key: string) => void kept.delete(key),
    }
    return quietly(
      behind(Application, () => visits({ store })),
      async ({ url }) => {
        await using first = await Reader.open(`${url}/generator`)
        await first.begun()
        expect([...kept.values()]).toEqual([expect.objectContaining({ visits: 1 })])
        await using second = await Reader.open(`${url}/generator`, { headers: { Cookie: cookieOf(first) } })
        expect(second.headers.get('x-visits')).toBe('2')
      },
    )
  })
})
