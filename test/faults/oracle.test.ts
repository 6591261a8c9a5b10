import { describe, expect, test } from '@jest/globals'
import { judge } from './oracle.js'
import type { Published, Seen, Transcript } from './transcript.js'

const channel = 'news'
const tag = (offset: number) => `t${String(offset).padStart(3, '0')}`
const id = (offset: number, epoch = 'e1') => `${epoch}.${offset}.${tag(offset - 1)}${tag(offset)}`
const data = (n: number) => JSON.stringify({ n, by: 'p' })

const published = (n: number, outcome: { id: string } | { code: string } = { id: id(n) }): Published => ({
  ...{ n, by: 'p', channel, begun: n * 10, ended: n * 10 + 1 },
  ...outcome,
})
const open = (offset: number): Seen => ({ type: 'open', at: offset * 10 + 5, id: id(offset) })
const event = (n: number, as = id(n)): Seen => ({ type: 'event', at: n * 10 + 2, id: as, data: data(n) })
const reset = (from: string, now: string): Seen => ({ type: 'reset', at: 35, id: now, reason: 'epoch', from, now })

const log = [1, 2, 3, 4, 5].map(n => published(n))
const judged = (records: Seen[], known: Published[] = log, others: Transcript[] = []) =>
  judge(known, [{ channel, records }, ...others])

describe('the oracle finds nothing', () => {
  test('where every event came once, in order, over reconnects', () => {
    const verdict = judged([open(1), event(2), event(3), open(3), event(4), event(5), open(5)])
    expect(verdict).toEqual({ problems: [], resets: [], needless: [], deliveries: 4 })
  })

  test('where a hole was told', () => {
    const flushed = [published(1), published(2), published(3), published(4, { id: id(1, 'e2') })]
    const records = [open(1), event(2), reset(id(2), id(0, 'e2')), event(4, id(1, 'e2'))]
    expect(judged(records, flushed)).toMatchObject({ problems: [], needless: [], resets: [{ from: id(2) }] })
  })

  test('where an event came of which its publisher knows nothing', () => {
    const uncertain = [published(1), published(2, { code: 'ERR_SSE_UNCERTAIN' }), published(3)]
    expect(judged([open(1), event(2), event(3)], uncertain).problems).toEqual([])
  })
})

describe('the oracle finds', () => {
  test.each<[string, RegExp, Seen[]]>([
    ['an event left out', /after e1\.2\.\S+: a gap/, [open(1), event(2), event(4), event(5)]],
    ['the last event left out', /did not get e1\.5\./, [open(1), event(2), event(3), event(4)]],
    ['an event that came twice', /twice/, [open(1), event(2), event(3), event(3), event(4), event(5)]],
    ['two events in the wrong order', /a gap/, [open(1), event(2), event(4), event(3), event(5)]],
    ['a stream that goes on elsewhere', /was moved from/, [open(1), event(2), open(4), event(5)]],
    ['an event that nobody published', /nobody published/, [open(1), event(2), event(9, id(3)), event(4), event(5)]],
    ['an event under another id', /got .* as e1\.3/, [open(1), event(2), event(4, id(3)), event(4), event(5)]],
    ['a hole that begins elsewhere', /told of a hole from/, [open(1), event(2), reset(id(3), id(4)), event(5)]],
    ['a stream that was stopped', /answered 503/, [open(5), { type: 'stopped', at: 90, status: 503 }]],
    ['a client that never joined', /never joined/, [{ type: 'connect', at: 0, port: 1 }]],
  ])('%s', (_, problem, records) => {
    expect(judged(records).problems.join('\n')).toMatch(problem)
  })

  test('an event that was rejected', () => {
    const rejected = [published(1), published(2, { code: 'ERR_SSE_UNREACHABLE' })]
    expect(judged([open(1), event(2)], rejected).problems.join()).toMatch(/rejected with ERR_SSE_UNREACHABLE/)
  })

  test('an event of which its publisher knows nothing, and that was published twice', () => {
    const uncertain = [published(1), published(2, { code: 'ERR_SSE_UNCERTAIN' })]
    const again: Transcript = { channel, records: [open(1), event(2, id(3))] }
    expect(judged([open(1), event(2)], uncertain, [again]).problems.join()).toMatch(/as e1\.3/)
  })

  test('a hole told where nothing was lost', () => {
    const { problems, needless } = judged([open(1), event(2), reset(id(2), id(4)), event(5)])
    expect({ problems, needless: needless.length }).toEqual({ problems: [], needless: 1 })
  })
})
