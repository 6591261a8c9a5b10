import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import request from 'supertest'
import { app } from '../../examples/chat.js'
import { isAnchor, live } from './live.js'

const ask = request(app.callback())
const post = (room: string, body: string | object) =>
  ask.post(`/rooms/${room}`).set('Content-Type', 'application/json').send(body)
const say = (room: string, text: string) => post(room, { name: 'Ann', text }).expect(204)
const textOf = ({ data }: TestEvent): string => JSON.parse(data).text
const texts = (events: readonly TestEvent[]) => events.filter(event => !isAnchor(event)).map(textOf)
const untilText = (stream: TestStream, text: string) => stream.find(event => !isAnchor(event) && textOf(event) === text)

/** Opens a room's stream and takes the messages that it begins with: what is taken then is new. */
async function enter(room: string): Promise<TestStream> {
  const stream = await openStream(app, { path: `/rooms/${room}` })
  const entered = randomUUID()
  await say(room, entered)
  await untilText(stream, entered)
  return stream
}

describe('a room', () => {
  test('shows each message to all who are in it, and to nobody else', async () => {
    await using second = await enter('lobby')
    await using first = await enter('lobby')
    await using elsewhere = await enter('kitchen')
    await say('lobby', 'hello')
    await say('kitchen', 'elsewhere')
    const [event] = await first.take(1)
    expect(JSON.parse(event?.data ?? '')).toEqual({ name: 'Ann', text: 'hello', time: expect.any(String) })
    expect(await untilText(second, 'hello')).toEqual(event)
    expect(texts(await elsewhere.take(1))).toEqual(['elsewhere'])
  })

  test('shows its last 20 messages to a newcomer, then what is new', async () => {
    await using empty = await live(app, '/rooms/garden')
    expect(empty.events).toHaveLength(1)
    for (let number = 1; number <= 25; number++) await say('garden', `message ${number}`)
    await using late = await openStream(app, { path: '/rooms/garden' })
    await untilText(late, 'message 25')
    await say('garden', 'new')
    await untilText(late, 'new')
    const last = Array.from({ length: 20 }, (_, index) => `message ${index + 6}`)
    expect(texts(late.events)).toEqual([...last, 'new'])
  })

  test('gives a client that comes back what it missed, and nothing twice', async () => {
    await using stream = await enter('kitchen')
    stream.pause()
    await say('kitchen', 'missed 1')
    await say('kitchen', 'missed 2')
    await using again = await stream.reconnect()
    await untilText(again, 'missed 2')
    expect(texts(again.events)).toEqual(['missed 1', 'missed 2'])
  })
})

test('a message cannot forge an event', async () => {
  await using stream = await enter('lobby')
  const text = 'x\r\n\r\ndata: forged\n\nevent: stream-reset\n<script>alert(1)</script>\u2028'
  await say('lobby', text)
  expect(texts(await stream.take(1))).toEqual([text])
  await say('lobby', 'next')
  expect(texts(await stream.take(1))).toEqual(['next'])
})

test.each<[what: string, body: string | object]>([
  ['no name', { text: 'hello' }],
  ['no text', { name: 'Ann' }],
  ['an empty text', { name: 'Ann', text: ' \n' }],
  ['a text that is none', { name: 'Ann', text: ['hello'] }],
  ['a name that is too long', { name: 'A'.repeat(41), text: 'hello' }],
  ['a text that is too long', { name: 'Ann', text: 'x'.repeat(1_001) }],
  ['a list', []],
  ['nothing', ''],
])('a message with %s is answered 400 and shown to nobody', async (_, body) => {
  await using stream = await enter('lobby')
  const { status, text } = await post('lobby', body)
  expect([status, text]).toEqual([400, expect.stringContaining('Send JSON with a name')])
  await say('lobby', 'after')
  expect(texts(await stream.take(1))).toEqual(['after'])
})

test('a form of another site cannot post', async () => {
  await ask.post('/rooms/lobby').type('form').send({ name: 'Eve', text: 'hello' }).expect(400)
})

test('a room that does not exist is a 404 that tells which do', async () => {
  const answers = await Promise.all([ask.get('/rooms/cellar'), post('cellar', { name: 'Ann', text: 'hello' })])
  for (const { status, text } of answers) {
    expect([status, text]).toEqual([404, 'The rooms are lobby, kitchen, garden'])
  }
})
