import { describe, expect, test } from '@jest/globals'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { ServerSentEvent } from 'koa-eventfeed'
import { COMMENT, encodeEvent, encodeRetry } from '../src/encoder.js'

/** What a parser that is not ours reads. */
function parse(text: string) {
  const events: EventSourceMessage[] = []
  const retries: number[] = []
  const errors: unknown[] = []
  const parser = createParser({
    onEvent: event => events.push(event),
    onRetry: retry => retries.push(retry),
    onError: error => errors.push(error),
  })
  parser.feed(text)
  return { events, retries, errors }
}

describe('an encoded event', () => {
  test.each([
    ['data alone', new ServerSentEvent('hello'), 'data: hello\n\n'],
    [
      'C2: a type and a string',
      new ServerSentEvent('{"abc": 123}', { event: 'Jackson 5' }),
      'event: Jackson 5\ndata: {"abc": 123}\n\n',
    ],
    [
      'B1: all fields, in the order that Datastar needs',
      new ServerSentEvent({ a: 1 }, { retry: 5, id: 7, event: 'x' }),
      'event: x\nid: 7\nretry: 5\ndata: {"a":1}\n\n',
    ],
    ['B1: falsy values', new ServerSentEvent('', { id: 0 }), 'id: 0\ndata: \n\n'],
    ['B1: several lines', new ServerSentEvent('a\nb\r\nc\rd\n'), 'data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n'],
    ['data that begins with a space', new ServerSentEvent(' x'), 'data:  x\n\n'],
  ])('%s has exactly these bytes', (_name, event, text) => {
    expect(encodeEvent(event)).toBe(text)
  })

  test('cannot be forged by its data', () => {
    const text = encodeEvent(new ServerSentEvent('x\n\nevent: forged\ndata: y\r\rid: 1'))
    expect(parse(text).events).toEqual([
      { data: 'x\n\nevent: forged\ndata: y\n\nid: 1', event: undefined, id: undefined },
    ])
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\n', '\r', '\0', ':', ' ', 'a', 'data', '\ufeff', '\u2028', '\ud83d', '\ude00') }),
)
const anyEvent = fc.record(
  {
    data: fc.oneof(anyText, fc.jsonValue()),
    event: anyText,
    id: fc.oneof(anyText, fc.double(), fc.integer()),
    retry: fc.double(),
  },
  { requiredKeys: ['data'] },
)

/** What the wire can carry, said once more without our code. */
const isWellFormed = (text: string) => new TextDecoder().decode(new TextEncoder().encode(`.${text}`)) === `.${text}`
const oneLine = (text: unknown) => typeof text !== 'string' || (!/[\n\r\0]/.test(text) && isWellFormed(text))
const carriable = ({
  data,
  event,
  id,
  retry,
}: {
  data: unknown
  event?: string
  id?: string | number
  retry?: number
}) =>
  (typeof data !== 'string' || (!data.includes('\0') && isWellFormed(data))) &&
  oneLine(event) &&
  event !== '' &&
  event !== 'error' &&
  event !== 'open' &&
  !/^stream-(open|reset|end)$/.test(event ?? '') &&
  oneLine(id) &&
  (typeof id !== 'number' || Number.isFinite(id)) &&
  (retry === undefined || (Number.isSafeInteger(retry) && retry > 0))

describe('whatever fields are given', () => {
  test('what the wire can carry comes out of a parser as it went in, and all else is refused', () => {
    fc.assert(
      fc.property(anyEvent, ({ data, ...fields }) => {
        if (!carriable({ data, ...fields })) {
          expect(() => new ServerSentEvent(data, fields)).toThrow(TypeError)
          return
        }
        const { events, retries, errors } = parse(COMMENT + encodeEvent(new ServerSentEvent(data, fields)))
        expect(errors).toEqual([])
        expect(retries).toEqual(fields.retry === undefined ? [] : [fields.retry])
        expect(events).toHaveLength(1)
        expect(events[0]?.event).toBe(fields.event)
        expect(events[0]?.id).toBe(fields.id === undefined ? undefined : String(fields.id))
        if (typeof data === 'string') expect(events[0]?.data).toBe(data.replace(/\r\n|\r/g, '\n'))
        else expect(JSON.parse(events[0]?.data ?? '')).toEqual(JSON.parse(JSON.stringify(data)))
      }),
      { numRuns: 5_000 },
    )
  })

  test('events that follow each other, comments and retries between them, come out one by one', () => {
    const fine = fc.string({ unit: 'grapheme' }).filter(text => carriable({ data: text }))
    fc.assert(
      fc.property(fc.array(fine), texts => {
        const wire = texts
          .map(text => COMMENT + encodeRetry(5) + encodeEvent(new ServerSentEvent(text)) + COMMENT)
          .join('')
        expect(parse(wire).events.map(event => event.data)).toEqual(texts.map(text => text.replace(/\r\n|\r/g, '\n')))
      }),
    )
  })
})
