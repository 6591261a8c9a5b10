import { expect, test } from '@jest/globals'
import type { Seen } from '../../end-to-end/serve.js'
import type { Gallery } from './gallery.js'
import type { Inbox } from './inbox.js'

/** Opens a stream with the client that is proven, and tells of the events with these names. */
export type Open = (url: string, names: string[]) => Promise<Inbox> | Inbox

export interface Proof {
  open: Open
  gallery: Gallery
  /** What the reconnect after the end of a stream is answered; undefined where the client makes none. */
  afterEnd?: 204 | undefined
  /** Where the last event ID is sent: in the header of that name, or in the query. */
  resumesBy?: 'header' | 'query'
}

const HARD = 'Zwei Zeilen: größer, 日本語, שלום, 👩‍🚀\n  data: no field\n\nid: 7'
const OPENED = ['stream-open', 'message']

/** The tests that a client must pass which listens, as EventSource does, to a URL for as long as the page is open. */
export function proveReader({ open, gallery, afterEnd, resumesBy = 'header' }: Proof): void {
  test('connects, and reads each event as it is sent', async () => {
    const inbox = await open(`${gallery.url}/announcer/listen`, OPENED)
    await inbox.take(1, 'stream-open')
    for (const count of [1, 2, 3]) {
      await gallery.ping()
      expect(await inbox.take(count)).toHaveLength(count)
    }
  })

  test('hears events by their names', async () => {
    const inbox = await open(`${gallery.url}/flask/stream`, [...OPENED, 'greeting'])
    expect(await inbox.take(1, 'stream-open')).toEqual(['{"channels":["sse"]}'])
    await gallery.greet()
    expect(await inbox.take(1, 'greeting')).toEqual(['{"message":"Hello!"}'])
    expect(inbox.received).toHaveLength(2)
  })

  test('gets several lines in one event, in UTF-8, as they were written', async () => {
    const inbox = await open(`${gallery.url}/redis-chat/stream`, OPENED)
    await inbox.take(1, 'stream-open')
    await gallery.say(HARD)
    const [line] = await inbox.take(1)
    expect(line?.replace(/^\[[\d:]{8}\] /, '')).toBe(`anonymous: ${HARD}`)
  })

  const by = resumesBy === 'query' ? ', as ?lastEventId=,' : ''
  test(`H1: reconnects with its last event ID${by} after a cut: nothing is missed, and nothing comes twice`, async () => {
    const before = gallery.served.seen('/publish/sse').length
    const inbox = await open(`${gallery.url}/publish/sse`, OPENED)
    await inbox.take(1, 'stream-open')
    for (const n of [1, 2]) await gallery.publish({ n })
    await inbox.take(2)
    const lastId = inbox.received.at(-1)?.id
    gallery.served.breakOff()
    for (const n of [3, 4]) await gallery.publish({ n })
    await inbox.take(4)
    await gallery.publish({ n: 5 })
    expect(await inbox.take(5)).toEqual([1, 2, 3, 4, 5].map(n => `{"n":${n}}`))
    const requests = gallery.served.seen('/publish/sse').slice(before)
    expect(requests.map(resumesBy === 'query' ? inQuery : inHeader)).toEqual([undefined, lastId])
    expect(lastId).toMatch(/^[\w-]+\.\d+\./)
  })

  const answer = afterEnd ? `: its reconnect is answered ${afterEnd}` : ' by itself'
  test(`stops for good at the end of a stream${answer}`, async () => {
    const before = await gallery.exportRuns()
    const path = await gallery.startExport(200)
    const inbox = await open(`${gallery.url}${path}`, ['message', 'stream-end'])
    const events = await inbox.stopped()
    expect(events.map(({ data }) => data)).toEqual([...[100, 200].map(done => `{"done":${done},"rows":200}`), '{}'])
    expect(gallery.served.seen(path).map(({ status }) => status)).toEqual(afterEnd ? [200, afterEnd] : [200])
    expect(await gallery.exportRuns()).toBe(before + 1)
  })
}

const inHeader = ({ lastEventId }: Seen) => lastEventId

const inQuery = ({ url }: Seen) => new URLSearchParams(url?.split('?')[1]).get('lastEventId') ?? undefined
