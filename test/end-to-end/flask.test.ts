import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { openStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { carried, places } from './carried.js'
import { isAnchor, live } from './live.js'

describe.each(places)('the quickstart of Flask-SSE %s', place => {
  const examples = carried(place)

  test('B2: GET /hello sends a greeting to the stream', async () => {
    const app = await examples.app('flask')
    await using stream = await live(app, '/stream')
    const { status, text } = await request(app.callback()).get('/hello')
    expect([status, text]).toEqual([200, 'Message sent!'])
    expect(await stream.take(1)).toMatchObject([{ event: 'greeting', data: '{"message":"Hello!"}' }])
  })

  test('B3: a stream of a channel gets that only; an absent or empty name is the default', async () => {
    const app = await examples.app('flask')
    await using social = await live(app, '/stream?channel=users.social')
    await using empty = await live(app, '/stream?channel=')
    await using absent = await live(app, '/stream')
    await request(app.callback()).get('/hello').expect(200)
    for (const stream of [empty, absent]) expect(await stream.take(1)).toMatchObject([{ event: 'greeting' }])
    expect(social.events.filter(event => !isAnchor(event))).toEqual([])
  })

  test.each([
    '?channel=analytics',
    '?channel=sse&channel=analytics',
    '?channel=analytics&channel=sse',
    '?channel=%61nalytics',
  ])('B7: /stream%s is 403 for who is no admin, before any header of a stream', async query => {
    const app = await examples.app('flask')
    await using refused = await openStream(app, { path: `/stream${query}` })
    expect([refused.status, refused.headers['content-type']]).toEqual([403, 'text/plain; charset=utf-8'])
    await using admitted = await openStream(app, { path: `/stream${query}`, headers: { 'X-User': 'admin' } })
    expect(admitted.status).toBe(200)
  })
})

describe('a Flask application on the same Redis', () => {
  const examples = carried('over Redis')

  test('B3, B4: what it publishes reaches the stream of its channel', async () => {
    const app = await examples.app('flask')
    await using stream = await live(app, '/stream?channel=users.social')
    const { redis } = examples.redis
    await redis.publish('flask:sse', '{"data": "elsewhere"}')
    await redis.publish(
      'flask:users.social',
      '{"data": {"message": "Gr\\u00fc\\u00dfe"}, "type": "greeting", "id": "7"}',
    )
    const [event] = await stream.take(1)
    expect(event).toEqual({ event: 'greeting', id: '7', data: '{"message":"Grüße"}' })
  })

  test('B4: it can read what this one publishes', async () => {
    const app = await examples.app('flask')
    const subscriber = examples.redis.redis.duplicate()
    await subscriber.subscribe('flask:sse')
    const received = once(subscriber, 'message')
    await request(app.callback()).get('/hello').expect(200)
    const [, text] = await received
    expect(JSON.parse(text)).toEqual({ data: '{"message":"Hello!"}', type: 'greeting' })
    subscriber.disconnect()
  })
})
