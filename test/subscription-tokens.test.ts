import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Context } from 'koa'
import { type Subscription, type SubscriptionTokenOptions, subscriptionTokens } from 'koa-eventfeed/plugins/jose'
import { openStream } from 'koa-eventfeed/testing'
import { type ServeOptions, serve } from './support.js'

const secret = 'the first secret of this test, of 32 bytes and more'
const other = 'another secret of this test, of 32 bytes and more'
const grant = { channels: ['orders', 'user-7'], subject: '7' }

const now = () => Math.floor(Date.now() / 1_000)
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const mac = (text: string, key: string, hash = 'sha256') => createHmac(hash, key).update(text).digest('base64url')

/** What a token for both channels says, but for what is changed; `undefined` leaves a claim out. */
const claims = (changed: object = {}) => ({ aud: 'koa-eventfeed', exp: now() + 60, ...grant, sub: '7', ...changed })

/** A JWT that node:crypto has signed, as another service would. */
function jwt(payload: object = claims(), { header = {}, key = secret, hash = 'sha256' } = {}): string {
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT', ...header })}.${encoded(payload)}`
  return `${signed}.${mac(signed, key, hash)}`
}

/** An app whose streams are guarded by tokens in the query or a cookie, and whose /enter and /leave set and clear the cookie. */
async function guarded(options: Partial<SubscriptionTokenOptions> = {}, serving: ServeOptions = {}) {
  const tokens = subscriptionTokens({ secret, query: 'token', ...options })
  const states: unknown[] = []
  const note = (ctx: Context, next: () => Promise<unknown>) => next().finally(() => states.push(ctx.state.subscription))
  const app = await serve(
    sse => {
      sse.pubSub('/events', { authorize: tokens.authorize, channelIn: 'event' })
      sse.post('/enter', async ctx => {
        await tokens.setCookie(ctx, grant)
        ctx.status = 204
      })
      sse.post('/leave', ctx => {
        tokens.clearCookie(ctx)
        ctx.status = 204
      })
    },
    { ...serving, before: [...(serving.before ?? []), note] },
  )
  const ask = (query: Record<string, string> | [string, string][], headers: Record<string, string> = {}) =>
    openStream(app.server, { path: `/events?${new URLSearchParams(query)}`, headers })
  const status = async (...asked: Parameters<typeof ask>) => {
    await using stream = await ask(...asked)
    return stream.status
  }
  return { ...app, tokens, states, ask, status }
}

describe('a token', () => {
  test('lets its bearer read the channels that it names, one of them or all, and no other', async () => {
    await using app = await guarded()
    const token = await app.tokens.sign(grant)
    await using stream = await app.ask([
      ['channel', 'orders'],
      ['channel', 'user-7'],
      ['token', token],
    ])
    await stream.find(({ event }) => event === 'stream-open')
    for (const channel of ['orders', 'user-8', 'user-7']) await app.sse.publish(`for ${channel}`, { channel })
    expect((await stream.take(2)).map(({ event, data }) => [event, data])).toEqual([
      ['orders:message', 'for orders'],
      ['user-7:message', 'for user-7'],
    ])
    expect(await app.status({ channel: 'user-7', token })).toBe(200)
    for (const channel of ['user-8', 'user-', 'user-77', 'Orders', 'sse'])
      expect(await app.status({ channel, token })).toBe(403)
    expect(
      await app.status([
        ['channel', 'orders'],
        ['channel', 'user-8'],
        ['token', token],
      ]),
    ).toBe(403)
    expect(await app.status({ token })).toBe(403) // the default channel
  })

  test('is a JWT that node:crypto finds signed, with nothing in it but what was granted, to whom, for what and when', async () => {
    const begun = Date.now()
    const token = await subscriptionTokens({ secret, expiresIn: 90_000 }).sign(grant)
    const [header = '', payload = '', signature] = token.split('.')
    expect(signature).toBe(mac(`${header}.${payload}`, secret))
    const { iat, exp, ...said } = JSON.parse(`${Buffer.from(payload, 'base64url')}`)
    expect(said).toEqual({ channels: grant.channels, sub: '7', aud: 'koa-eventfeed' })
    expect(Math.abs(iat - now())).toBeLessThanOrEqual(1)
    expect(exp * 1_000 - begun).toBeGreaterThanOrEqual(90_000)
    expect(exp * 1_000 - begun).toBeLessThan(91_500)
  })

  test('may come from another service that has the secret', async () => {
    await using app = await guarded()
    expect(await app.status({ channel: 'orders', token: jwt() })).toBe(200)
    const token = jwt(claims({ sub: undefined, aud: ['other', 'koa-eventfeed'], exp: now() + 9.5, iss: 'shop' }))
    expect(await app.status({ channel: 'orders', token })).toBe(200)
    expect(await app.tokens.verify(jwt(claims({ exp: 4_000_000_000 })))).toEqual({
      ...grant,
      expires: new Date('2096-10-02T07:06:40Z'),
    })
  })

  const [header, payload, signature] = jwt().split('.')
  test.each<[string, string]>([
    ['with a channel added', `${header}.${encoded(claims({ channels: ['orders', 'x'] }))}.${signature}`],
    ['with its signature changed', `${header}.${payload}.${mac('x', secret)}`],
    ['without a signature', `${header}.${payload}.`],
    ["with alg 'none'", `${encoded({ alg: 'none' })}.${payload}.`],
    ["with alg 'none', and signed", jwt(claims(), { header: { alg: 'none' } })],
    ['with another algorithm of the same secret', jwt(claims(), { header: { alg: 'HS512' }, hash: 'sha512' })],
    ['with the algorithm of a key pair', jwt(claims(), { header: { alg: 'RS256' } })],
    ['with an unknown critical header', jwt(claims(), { header: { crit: ['x'], x: 1 } })],
    ['with a payload that is not encoded', jwt(claims(), { header: { crit: ['b64'], b64: false } })],
    ['signed with another secret', jwt(claims(), { key: other })],
    ['that has expired', jwt(claims({ exp: now() - 1 }))],
    ['that expires at this very moment', jwt(claims({ exp: now() }))],
    ['that never expires', jwt(claims({ exp: undefined }))],
    ['that expires at a time that is none', jwt(claims({ exp: `${now() + 60}` }))],
    ['that expires after all time', jwt(claims({ exp: 1e300 }))],
    ['that is not yet valid', jwt(claims({ nbf: now() + 60 }))],
    ['for another purpose', jwt(claims({ aud: 'password-reset' }))],
    ['for no purpose', jwt(claims({ aud: undefined }))],
    ['without channels', jwt(claims({ channels: undefined }))],
    ['with an empty list of channels', jwt(claims({ channels: [] }))],
    ['with channels that are one text', jwt(claims({ channels: 'orders' }))],
    ['with a channel that is no text', jwt(claims({ channels: ['orders', 1] }))],
    ['with a subject that is no text', jwt(claims({ sub: 7 }))],
    ['that is an array', jwt(['orders'])],
    ['that is longer than any that is signed', jwt(claims({ filler: 'x'.repeat(4_000) }))],
    ['that is empty', ''],
    ['that is no token', 'orders'],
    ['that is followed by another', `${jwt()}.${jwt()}`],
  ])('%s is refused with 403 and no word more', async (_what, token) => {
    await using app = await guarded()
    await using query = await app.ask({ channel: 'orders', token })
    expect([query.status, await query.body()]).toEqual([403, 'Forbidden'])
    expect(await app.status({ channel: 'orders' }, { Cookie: `sse-token=${token}` })).toBe(403)
    expect([app.errors, app.states]).toEqual([[], [undefined, undefined]])
  })

  test('that is any text is none, and no failure', async () => {
    const { verify } = subscriptionTokens({ secret })
    const part = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map(text => Buffer.from(text).toString('base64url')),
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 6 }).map(parts => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(texts, async text => (await verify(text)) === undefined),
      { numRuns: 500 },
    )
    expect(await verify(undefined)).toBeUndefined()
  })

  test('of a secret that is being replaced is good until that is gone', async () => {
    const [old, both, renewed] = [secret, [Buffer.from(other), secret], other].map(secret =>
      subscriptionTokens({ secret }),
    )
    const [before, since] = [await old?.sign(grant), await both?.sign(grant)]
    const takes = await Promise.all(
      [old, both, renewed].map(async tokens =>
        [before, since].map(async token => (await tokens?.verify(token)) !== undefined),
      ),
    )
    expect(await Promise.all(takes.map(taken => Promise.all(taken)))).toEqual([
      [true, false],
      [true, true],
      [false, true],
    ])
  })

  test('that expires ends its stream then, and a new one goes on where that was', async () => {
    await using app = await guarded({ expiresIn: 500 })
    const token = await app.tokens.sign(grant)
    await using stream = await app.ask({ channel: 'orders', token })
    await stream.find(({ event }) => event === 'stream-open')
    await app.sse.publish('before', { channel: 'orders' })
    await stream.ended()
    const { expires } = app.states[0] as Subscription
    expect(Date.now() - expires.getTime()).toBeGreaterThanOrEqual(0)
    expect(Date.now() - expires.getTime()).toBeLessThan(1_000)
    expect(stream.retry).toBeLessThan(3_000)
    await app.sse.publish('between', { channel: 'orders' })
    await using refused = await stream.reconnect()
    expect(refused.status).toBe(403)
    const { lastEventId } = stream
    await using next = await app.ask({ channel: 'orders', token: await app.tokens.sign(grant), lastEventId })
    await app.sse.publish('after', { channel: 'orders' })
    await next.find(({ data }) => data === 'after')
    const texts = [...stream.events, ...next.events].filter(({ event }) => event !== 'stream-open')
    expect(texts.map(({ data }) => data)).toEqual(['before', 'between', 'after'])
  })

  test('of one audience is none for another', async () => {
    const [shop, staff] = ['shop', 'staff'].map(audience => subscriptionTokens({ secret, audience }))
    const token = await shop?.sign(grant)
    expect([await shop?.verify(token), await staff?.verify(token)]).toMatchObject([grant, undefined])
  })
})

describe('a request', () => {
  const cookie = (token: string) => ({ Cookie: `theme=dark; sse-token=${token}; last=1` })

  test('has its token in the cookie, and in the query only where that is looked at', async () => {
    await using app = await guarded({ query: undefined })
    expect(await app.status({ channel: 'orders' }, cookie(jwt()))).toBe(200)
    expect(await app.status({ channel: 'orders', token: jwt() })).toBe(403)
    await using strict = await guarded({ cookie: false })
    expect(await strict.status({ channel: 'orders', token: jwt() })).toBe(200)
    expect(await strict.status({ channel: 'orders' }, cookie(jwt()))).toBe(403)
  })

  test('that has both is judged by that in the query alone', async () => {
    await using app = await guarded()
    const [good, bad] = [jwt(), jwt(claims({ channels: ['x'] }))]
    expect(await app.status({ channel: 'orders', token: good }, cookie(bad))).toBe(200)
    for (const token of [bad, '']) expect(await app.status({ channel: 'orders', token }, cookie(good))).toBe(403)
    const twice: [string, string][] = [
      ['channel', 'orders'],
      ['token', good],
      ['token', good],
    ]
    expect(await app.status(twice, cookie(good))).toBe(403)
  })

  test('that is let in has in its state what its token says, as disconnect may ask', async () => {
    await using app = await guarded()
    const token = await app.tokens.sign(grant)
    const streams = await Promise.all([
      app.ask({ channel: 'orders', token }),
      app.ask({ channel: 'user-7', token: jwt(claims({ sub: '8' })) }),
    ])
    for (const stream of streams) await stream.find(({ event }) => event === 'stream-open')
    expect(app.states[0]).toMatchObject({ ...grant, expires: expect.any(Date) })
    expect(await app.sse.disconnect(ctx => ctx.state.subscription.subject === '7')).toBe(1)
    await streams[0].ended()
    for (const stream of streams) await stream.close()
  })
})

describe('the cookie', () => {
  const set = async (url: string, path: string, headers = {}) => {
    const response = await fetch(url + path, { method: 'POST', headers })
    return response.headers.getSetCookie()
  }

  test('is kept from scripts and from other sites, until the token in it expires', async () => {
    await using app = await guarded()
    const [written = '', ...others] = await set(app.url, '/enter')
    expect(others).toEqual([])
    const [pair = '', ...attributes] = written.split('; ')
    const subscription = await app.tokens.verify(pair.replace('sse-token=', ''))
    const expires = `expires=${subscription?.expires.toUTCString()}`
    expect(attributes.sort()).toEqual([expires, 'httponly', 'path=/', 'samesite=strict'])
    expect(await app.status({ channel: 'orders' }, { Cookie: pair })).toBe(200)
  })

  test('is secure where it was set over TLS, has the attributes it is given, and is one though the app has keys', async () => {
    const given = { name: '__Secure-feed', path: '/events', domain: 'example.com', sameSite: 'none' } as const
    await using app = await guarded({ cookie: given })
    app.app.proxy = true
    app.app.keys = ['key']
    const [written = '', ...others] = await set(app.url, '/enter', { 'X-Forwarded-Proto': 'https' })
    expect(others).toEqual([])
    expect(written).toMatch(
      /^__Secure-feed=\S+; path=\/events; expires=[^;]+; domain=example\.com; samesite=none; secure; httponly$/,
    )
    expect(await app.status({ channel: 'orders' }, { Cookie: written.split(';')[0] ?? '' })).toBe(200)
    expect(await set(app.url, '/enter')).toEqual([])
    expect(app.errors).toMatchObject([{ message: expect.stringContaining('unencrypted') }])
  })

  test('is taken back at a logout', async () => {
    await using app = await guarded({ cookie: { path: '/events' } })
    const [written] = await set(app.url, '/leave')
    expect(written).toBe('sse-token=; path=/events; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=strict; httponly')
  })
})

describe('is refused at once, without a word of the secret:', () => {
  const short = 'hunter2'.repeat(4)
  test.each<[string, unknown, string, RegExp]>([
    ['no options', undefined, 'TypeError', /options must be an object/],
    ['an unknown option', { secret, expires: 1 }, 'TypeError', /no option 'expires'.*expiresIn/],
    ['no secret', {}, 'TypeError', /secret must be a text or bytes/],
    ['a list without a secret', { secret: [] }, 'TypeError', /secret must be a text or bytes/],
    ['a secret that is too short', { secret: short }, 'RangeError', /32 bytes at least, not 28: openssl/],
    ['an old secret that is too short', { secret: [secret, Buffer.from(short)] }, 'RangeError', /not 28/],
    ['a lifetime that is no number', { secret, expiresIn: '5m' }, 'TypeError', /expiresIn must be a number/],
    ['a lifetime of nothing', { secret, expiresIn: 0 }, 'RangeError', /expiresIn must be a positive/],
    ['a lifetime without an end', { secret, expiresIn: Number.POSITIVE_INFINITY }, 'RangeError', /at most/],
    ['no audience', { secret, audience: '' }, 'RangeError', /audience cannot be empty/],
    ['an audience that is no text', { secret, audience: ['a'] }, 'TypeError', /audience must be a text/],
    ['a query that pubSub reads', { secret, query: 'lastEventId' }, 'RangeError', /another name, such as 'token'/],
    ['tokens that are nowhere', { secret, cookie: false }, 'TypeError', /query, cookie, or both/],
    ['a cookie that is no name', { secret, cookie: true }, 'TypeError', /cookie must be/],
    ["a cookie's name with a space", { secret, cookie: 'a b' }, 'RangeError', /cookie.name must be/],
    ["a cookie's unknown attribute", { secret, cookie: { secure: true } }, 'TypeError', /no option 'secure'/],
    ["a cookie's path with more in it", { secret, cookie: { path: '/;a' } }, 'RangeError', /cookie.path must/],
    ["a cookie's domain with more in it", { secret, cookie: { domain: 'a;b' } }, 'RangeError', /cookie.domain must/],
    ["a cookie's sameSite", { secret, cookie: { sameSite: 'no' } }, 'TypeError', /'strict', 'lax', 'none'/],
  ])('%s', (_what, options, name, message) => {
    const register = () => subscriptionTokens(options as SubscriptionTokenOptions)
    expect(register).toThrow(expect.objectContaining({ name, message: expect.stringMatching(message) }))
    expect(register).not.toThrow(/hunter2|the first secret/)
  })

  test.each<[string, unknown, string, RegExp]>([
    ['to grant nothing', undefined, 'TypeError', /an object with channels/],
    ['to grant no channel', { channels: [] }, 'RangeError', /one channel at least/],
    ['to grant channels that are one text', { channels: 'orders' }, 'TypeError', /a list of names/],
    ['to grant what is no name', { channels: ['orders', 'a\n'] }, 'TypeError', /control characters/],
    ['a subject that is no text', { channels: ['a'], subject: 7 }, 'TypeError', /subject must be a text/],
    ['more than a cookie holds', { channels: Array(400).fill('orders') }, 'RangeError', /fewer channels/],
  ])('%s', async (_what, granted, name, message) => {
    const refusal = subscriptionTokens({ secret }).sign(granted as typeof grant)
    await expect(refusal).rejects.toThrow(expect.objectContaining({ name, message: expect.stringMatching(message) }))
  })

  test('to set a cookie where there is none, or to guard what has no channels', async () => {
    const tokens = subscriptionTokens({ secret, query: 'token', cookie: false })
    await expect(tokens.setCookie({} as Context, grant)).rejects.toThrow(/cookie: false/)
    expect(() => tokens.clearCookie({} as Context)).toThrow(/cookie: false/)
    for (const channels of [undefined, 'orders'])
      await expect(tokens.authorize({} as Context, channels as never)).rejects.toThrow(/is for pubSub/)
  })
})
