import { History, isNext, isSame } from './history.js'
import type { Hole, Published, Seen, Transcript } from './transcript.js'

/** What the publishers' log says of what clients saw. */
export interface Verdict {
  /** Silent gaps, duplicates, events that nobody published, or that were said not to be. */
  readonly problems: readonly string[]
  /** All holes that were told. */
  readonly resets: readonly Hole[]
  /** Those of them in which nothing was lost. */
  readonly needless: readonly Hole[]
  /** How many events all clients together got. */
  readonly deliveries: number
}

/** Judges every transcript by the log: each must go from parent to child, or be told of a hole in between. */
export function judge(log: readonly Published[], transcripts: readonly Transcript[]): Verdict {
  const problems: string[] = []
  const resets: Hole[] = []
  const needless: Hole[] = []
  let deliveries = 0
  for (const channel of new Set(transcripts.map(one => one.channel))) {
    const own = transcripts.filter(one => one.channel === channel)
    const history = new History(channel, log, own)
    problems.push(...history.problems)
    for (const { records } of own) {
      const reader = new Reader(history)
      for (const record of records) reader.take(record)
      problems.push(...reader.end())
      resets.push(...reader.holes)
      needless.push(...reader.holes.filter(hole => history.isWhole(hole)))
      deliveries += reader.seen.size
    }
  }
  return { problems, resets, needless, deliveries }
}

/** Goes through what one client saw. */
class Reader {
  readonly holes: Hole[] = []
  readonly seen = new Set<string>()
  readonly #history: History
  readonly #problems: string[] = []
  #at: string | undefined
  #joined: number | undefined

  constructor(history: History) {
    this.#history = history
  }

  take(record: Seen): void {
    if (record.type === 'connect') this.#at ??= record.id
    else if (record.type === 'open') this.#open(record.id, record.at)
    else if (record.type === 'reset') this.#reset(record)
    else if (record.type === 'event') this.#event(record.id, record.data)
    else if (record.type === 'stopped')
      this.#blame(`was answered ${record.status}, which stops an EventSource for good`)
  }

  end(): readonly string[] {
    const joined = this.#joined
    if (joined === undefined) this.#blame('never joined')
    else {
      for (const [id, event] of this.#history.taken) if (event.begun > joined) this.#expect(id)
    }
    return this.#problems
  }

  #open(id: string, at: number): void {
    if (this.#at !== undefined && !isSame(id, this.#at))
      this.#blame(`was moved from ${this.#at} to ${id}, and not told`)
    this.#at = id
    this.#joined ??= at
  }

  #reset({ id, from, now, reason }: Extract<Seen, { type: 'reset' }>): void {
    if (from !== (this.#at ?? null)) this.#blame(`was told of a hole from ${from}, but was at ${this.#at}`)
    if (id !== now) this.#blame(`was told of a hole to ${now} with the id ${id}`)
    this.holes.push({ reason, from, now })
    this.#at = now
  }

  #event(id: string, data: string): void {
    const event = this.#history.published(data)
    if (event === undefined) this.#blame(`got ${data}, which nobody published there`)
    else if (event.code !== undefined && event.code !== 'ERR_SSE_UNCERTAIN')
      this.#blame(`got ${data}, which was rejected with ${event.code}`)
    else if (this.#history.id(data) !== id) this.#blame(`got ${data} as ${id}, not ${this.#history.id(data)}`)
    if (this.seen.has(id)) this.#blame(`got ${id} twice`)
    else if (this.#at !== undefined && !isNext(id, this.#at)) this.#blame(`got ${id} after ${this.#at}: a gap`)
    this.seen.add(id)
    this.#at = id
  }

  #expect(id: string): void {
    if (this.seen.has(id) || this.holes.some(hole => this.#history.isIn(id, hole))) return
    this.#blame(`did not get ${id}, and was not told`)
  }

  #blame(what: string): void {
    this.#problems.push(`A client of ${this.#history.channel} ${what}`)
  }
}
