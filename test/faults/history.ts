import type { Hole, Published, Transcript } from './transcript.js'

/** An id, taken apart: `epoch.offset.link`, where the link is the parent's tag followed by the event's own. */
export interface Place {
  readonly epoch: string
  readonly offset: number
  readonly parent: string
  readonly tag: string
}

export function placeOf(id: string): Place {
  const [epoch = '', offset = '', link = ''] = id.split('.')
  return { epoch, offset: Number(offset), parent: link.slice(0, link.length / 2), tag: link.slice(link.length / 2) }
}

/** Whether nothing lies between two events. */
export function isNext(id: string, previous: string): boolean {
  const [place, before] = [placeOf(id), placeOf(previous)]
  return place.epoch === before.epoch && place.offset === before.offset + 1 && place.parent === before.tag
}

/** Whether two ids name one place: that of an event, or before the first one. */
export function isSame(a: string, b: string): boolean {
  const [one, other] = [placeOf(a), placeOf(b)]
  return one.epoch === other.epoch && one.offset === other.offset && one.tag === other.tag
}

/** What the publishers know of one channel. An event of which they know nothing has the id that clients saw it with. */
export class History {
  readonly channel: string
  readonly problems: string[] = []
  readonly #published = new Map<string, Published>()
  readonly #ids = new Map<string, string>()
  readonly #byId = new Map<string, Published>()
  readonly #epochs = new Map<string, number>()

  constructor(channel: string, log: readonly Published[], transcripts: readonly Transcript[]) {
    this.channel = channel
    for (const event of log) if (event.channel === channel) this.#add(event)
    for (const { records } of transcripts) {
      for (const record of records) {
        if (record.type === 'event') this.#see(record.id, record.data)
        if ('id' in record && record.type !== 'connect' && record.id) this.#note(record.id, record.at)
      }
    }
  }

  /** All that were taken, as far as that is known. */
  get taken(): readonly [id: string, event: Published][] {
    return [...this.#byId]
  }

  published(data: string): Published | undefined {
    return this.#published.get(keyOf(data))
  }

  /** The id that an event has, by its data. */
  id(data: string): string | undefined {
    return this.#ids.get(keyOf(data))
  }

  isIn(id: string, { from, now }: Hole): boolean {
    return (from === null || this.#compare(id, from) > 0) && this.#compare(id, now) <= 0
  }

  /** Whether what a hole is said to hold leads from its start to its end, so that nothing was lost. */
  isWhole({ from, now }: Hole): boolean {
    if (from === null || placeOf(from).epoch !== placeOf(now).epoch) return false
    const parents = new Map([...this.#byId.keys()].map(id => [spot(placeOf(id)), id]))
    let at: string | undefined = now
    while (at !== undefined && !isSame(at, from)) {
      const { epoch, offset, parent }: Place = placeOf(at)
      if (isNext(at, from)) return true
      at = parents.get(spot({ epoch, offset: offset - 1, parent: '', tag: parent }))
    }
    return at !== undefined
  }

  #add(event: Published): void {
    const key = `${event.by} ${event.n}`
    this.#published.set(key, event)
    if (event.id === undefined) return
    this.#ids.set(key, event.id)
    this.#place(event.id, event)
    this.#note(event.id, event.ended)
  }

  #see(id: string, data: string): void {
    const event = this.published(data)
    if (event?.code !== 'ERR_SSE_UNCERTAIN' || this.#ids.has(keyOf(data))) return
    this.#ids.set(keyOf(data), id)
    this.#place(id, event)
  }

  #place(id: string, event: Published): void {
    if (this.#byId.has(id)) this.problems.push(`${this.channel}: two events have the id ${id}`)
    this.#byId.set(id, event)
  }

  #note(id: string, at: number): void {
    const { epoch } = placeOf(id)
    this.#epochs.set(epoch, Math.min(at, this.#epochs.get(epoch) ?? at))
  }

  #compare(a: string, b: string): number {
    const [one, other] = [placeOf(a), placeOf(b)]
    if (one.epoch === other.epoch) return one.offset - other.offset
    return (this.#epochs.get(one.epoch) ?? 0) - (this.#epochs.get(other.epoch) ?? 0)
  }
}

const spot = ({ epoch, offset, tag }: Place) => `${epoch}.${offset}.${tag}`

function keyOf(data: string): string {
  const { n, by } = JSON.parse(data)
  return `${by} ${n}`
}
