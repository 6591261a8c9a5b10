import { describe, expect, test } from '@jest/globals'
import { type EventFields, ServerSentEvent } from 'koa-eventfeed'

describe('the data of an event', () => {
  test.each([
    ['a string', 'hello', 'hello'],
    ['an empty string', '', ''],
    ['a string that looks like JSON', '{"a":1}', '{"a":1}'],
    ['an object', { a: 1, b: [true, null] }, '{"a":1,"b":[true,null]}'],
    ['zero', 0, '0'],
    ['false', false, 'false'],
    ['null', null, 'null'],
    ['a date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['NUL inside JSON', { a: '\0' }, '{"a":"\\u0000"}'],
    ['a lone surrogate inside JSON', ['\ud800'], '["\\ud800"]'],
    ['line ends of Unicode inside JSON', '\u0085 \u2028 \u2029'.split(' '), '["\\u0085","\\u2028","\\u2029"]'],
  ])('%s is sent as it is or as JSON', (_name, data, text) => {
    expect(new ServerSentEvent(data).data).toBe(text)
  })

  test('is taken at once: a later change of the object is not seen', () => {
    const data = { count: 1 }
    const event = new ServerSentEvent(data)
    data.count = 2
    expect(event.data).toBe('{"count":1}')
  })

  const circular: unknown[] = []
  circular.push(circular)

  test.each([
    ['undefined', undefined, "An event's data cannot be undefined"],
    ['a function', () => 1, "An event's data cannot be function"],
    ['a symbol', Symbol('x'), "An event's data cannot be symbol"],
    ['a bigint', 1n, 'BigInt'],
    ['a circular structure', circular, 'circular'],
    ['a string with NUL', 'a\0b', 'cannot hold NUL'],
    ['a string with a lone surrogate', 'a\ud800b', 'data.toWellFormed()'],
  ])('%s is refused with a TypeError that says why', (_name, data, message) => {
    expect(() => new ServerSentEvent(data)).toThrow(TypeError)
    expect(() => new ServerSentEvent(data)).toThrow(message)
  })
})

describe('the fields of an event', () => {
  test('are absent unless they are given', () => {
    expect(new ServerSentEvent('x')).toMatchObject({ data: 'x', event: undefined, id: undefined, retry: undefined })
  })

  test.each<[EventFields, Partial<ServerSentEvent>]>([
    [{ id: 0 }, { id: '0' }],
    [{ id: '' }, { id: '' }],
    [{ id: 1.5 }, { id: '1.5' }],
    [
      { event: 'greeting', id: 'a b', retry: 1 },
      { event: 'greeting', id: 'a b', retry: 1 },
    ],
    [{ event: 'error', allowReserved: true }, { event: 'error' }],
  ])('%j is kept, falsy values too', (fields, kept) => {
    expect(new ServerSentEvent('', fields)).toMatchObject(kept)
  })

  test.each<[string, object, string]>([
    ['an event type with LF', { event: 'a\nb' }, 'CR, LF or NUL'],
    ['an event type with CR', { event: 'a\rb' }, 'CR, LF or NUL'],
    ['an event type with NUL', { event: 'a\0b' }, 'CR, LF or NUL'],
    ['an event type with a lone surrogate', { event: '\udfff' }, 'type.toWellFormed()'],
    ['an empty event type', { event: '' }, 'leave `event` out'],
    ['an event type that is no string', { event: 1 }, 'must be a string'],
    ["EventSource's own error", { event: 'error' }, 'allowReserved'],
    ["EventSource's own open", { event: 'open' }, 'allowReserved'],
    ["this package's own stream-reset", { event: 'stream-reset' }, 'allowReserved'],
    ['an id with LF', { id: '1\n2' }, 'CR, LF or NUL'],
    ['an id with CR', { id: '1\r2' }, 'CR, LF or NUL'],
    ['an id with NUL', { id: '1\0' }, 'CR, LF or NUL'],
    ['NaN as id', { id: Number.NaN }, 'String(id)'],
    ['a bigint as id', { id: 1n }, 'String(id)'],
    ['null as id', { id: null }, 'String(id)'],
    ['retry 0, with which a browser reconnects every few ms', { retry: 0 }, 'positive integer'],
    ['a negative retry', { retry: -1 }, 'positive integer'],
    ['a fraction as retry', { retry: 1.5 }, 'positive integer'],
    ['a retry that would be written with an exponent', { retry: 1e21 }, 'positive integer'],
    ['a string as retry', { retry: '3000' }, 'positive integer'],
    ['a symbol as retry', { retry: Symbol('x') }, 'positive integer'],
  ])('%s is refused with a TypeError that says what to write', (_name, fields, message) => {
    const make = () => new ServerSentEvent('x', fields as EventFields)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })
})
