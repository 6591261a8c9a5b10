import { describe, expect, test } from '@jest/globals'
import type Koa from 'koa'
import request from 'supertest'
import { carried, places } from './carried.js'
import { live } from './live.js'

const NOW = /^\[\d\d:\d\d:\d\d\] /

describe.each(places)('the chat with a session %s', place => {
  const examples = carried(place)
  const form = (app: Koa, path: string, fields: string, cookies: string[] = []) =>
    request(app.callback()).post(path).set('Cookie', cookies).send(fields)

  async function logIn(app: Koa, user: string): Promise<string[]> {
    const { headers } = await form(app, '/login', `user=${encodeURIComponent(user)}`)
    return [headers['set-cookie'] ?? []].flat().map(cookie => cookie.split(';')[0] ?? '')
  }

  test('D1: who has no session is sent to the login, which makes one', async () => {
    const app = await examples.app('redis-chat')
    const home = await request(app.callback()).get('/')
    expect([home.status, home.headers.location]).toEqual([302, '/login'])
    const login = await form(app, '/login', 'user=ann')
    expect([login.status, login.headers.location]).toEqual([302, '/'])
    for (const cookie of [login.headers['set-cookie'] ?? []].flat()) {
      expect(cookie).toMatch(/; httponly/i)
      expect(cookie).toMatch(/; samesite=lax/i)
    }
    const cookies = await logIn(app, 'ann')
    expect(cookies).toHaveLength(2)
    await request(app.callback()).get('/').set('Cookie', cookies).expect(200)
    const forged = cookies.map(cookie => cookie.replace(/^chat=.*/, `chat=${btoa('{"user":"bob"}')}`))
    await request(app.callback()).get('/').set('Cookie', forged).expect(302)
  })

  test.each(['', 'user=', 'user=%20', 'user=a%0Ab', 'user=a&user=b', `user=${'a'.repeat(41)}`])(
    'D1: a login with "%s" is answered 400',
    async fields => {
      const { status, headers } = await form(await examples.app('redis-chat'), '/login', fields)
      expect([status, headers['set-cookie']]).toEqual([400, undefined])
    },
  )

  test('D2: a line has the time and who wrote it, or that nobody says who', async () => {
    const app = await examples.app('redis-chat')
    await using stream = await live(app, '/stream')
    await form(app, '/post', 'message=hi there', await logIn(app, 'ann')).expect(204)
    await form(app, '/post', 'message=me too').expect(204)
    const lines = (await stream.take(2)).map(({ data }) => data)
    expect(lines).toEqual([expect.stringMatching(NOW), expect.stringMatching(NOW)])
    expect(lines.map(line => line.replace(NOW, ''))).toEqual(['ann: hi there', 'anonymous: me too'])
  })

  test.each(['', 'message=', 'message=a%00b', 'message=a&message=b', `message=${'a'.repeat(1_001)}`])(
    'D2: a post of "%s" is answered 400, and is shown to nobody',
    async fields => {
      const app = await examples.app('redis-chat')
      await using stream = await live(app, '/stream')
      await form(app, '/post', fields).expect(400)
      await form(app, '/post', 'message=after').expect(204)
      expect((await stream.take(1)).map(({ data }) => data)).toEqual([expect.stringMatching(/ anonymous: after$/)])
    },
  )

  test.each(['line1\nline2', 'x\n\ndata: forged', 'x\r\n\r\nevent: stream-reset\r\ndata: forged'])(
    'D3: %j is one event, and forges none',
    async message => {
      const app = await examples.app('redis-chat')
      await using stream = await live(app, '/stream')
      await form(app, '/post', `message=${encodeURIComponent(message)}`).expect(204)
      await form(app, '/post', 'message=after').expect(204)
      const events = await stream.take(2)
      expect(events.map(({ event }) => event)).toEqual([undefined, undefined])
      const [line, after] = events.map(({ data }) => data.replace(NOW, ''))
      expect(line).toBe(`anonymous: ${message.replaceAll('\r\n', '\n')}`)
      expect(after).toBe('anonymous: after')
    },
  )
})
