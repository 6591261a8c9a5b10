import { describe, expect, test } from '@jest/globals'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { ServerSentEvent } from 'koa-eventfeed'
import { connectRaw, get, serve, unchunk } from '../support.js'

const END = 'event: stream-end\nid: stream-end\ndata: {}\n\n'

/** The bytes of a message in a stream over a real socket, without those that begin and end the stream. */
async function bytesOf(message: unknown): Promise<string> {
  await using served = await serve(sse => sse.streamGen('/s', [message]))
  await using client = await connectRaw(served.port, get('/s', { Connection: 'close' }))
  const body = unchunk(await client.end())
  expect([body.slice(0, 2), body.slice(-END.length)]).toEqual([':\n', END])
  return body.slice(2, -END.length)
}

function parsed(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  createParser({ onEvent: event => events.push(event) }).feed(text)
  return events
}

describe('a message', () => {
  test.each<[message: unknown, bytes: string]>([
    ['as it is', 'data: as it is\n\n'],
    [{ message: 'Hello!', n: [1, null] }, 'data: {"message":"Hello!","n":[1,null]}\n\n'],
    ['one\ntwo\r\nthree\rfour', 'data: one\ndata: two\ndata: three\ndata: four\n\n'],
    [new ServerSentEvent('x', { event: 'greeting' }), 'event: greeting\ndata: x\n\n'],
    [new ServerSentEvent('x', { id: '7' }), 'id: 7\ndata: x\n\n'],
    [new ServerSentEvent('x', { retry: 2_000 }), 'retry: 2000\ndata: x\n\n'],
    [
      new ServerSentEvent('x', { event: 'greeting', id: '7', retry: 1 }),
      'event: greeting\nid: 7\nretry: 1\ndata: x\n\n',
    ],
    [new ServerSentEvent('x', { id: 0 }), 'id: 0\ndata: x\n\n'],
    [new ServerSentEvent('x', { id: '' }), 'id: \ndata: x\n\n'],
    ['', 'data: \n\n'],
    [0, 'data: 0\n\n'],
    [false, 'data: false\n\n'],
    [null, 'data: null\n\n'],
  ])('B1: %j arrives in these bytes', async (message, bytes) => {
    const text = await bytesOf(message)
    expect(text).toBe(bytes)
    expect(parsed(text)).toHaveLength(1)
  })

  test.each([0, -1, 1.5, Number.NaN, '1' as never])('B1: a retry of %s is refused', retry => {
    expect(() => new ServerSentEvent('x', { retry })).toThrow(expect.objectContaining({ name: 'TypeError' }))
  })

  test('C2: data and an event type are framed as format_sse does', async () => {
    const text = await bytesOf(new ServerSentEvent('{"abc": 123}', { event: 'Jackson 5' }))
    expect(text).toBe('event: Jackson 5\ndata: {"abc": 123}\n\n')
    expect(parsed(text)).toEqual([{ id: undefined, event: 'Jackson 5', data: '{"abc": 123}' }])
  })
})
