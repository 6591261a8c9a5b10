import { judge, type Verdict } from './oracle.js'
import type { Stage } from './stage.js'
import type { Published, Transcript } from './transcript.js'

/** Milliseconds within which clients are to get what there is for them. */
const LIMIT = 10_000

/** What came of a show: all that is not as it should be, by the publisher's log. */
export interface Outcome extends Verdict {
  readonly log: readonly Published[]
  readonly transcripts: readonly Transcript[]
  /** How many publishings were rejected, by code. */
  readonly rejected: Readonly<Record<string, number>>
}

/** Channels, those who follow them, and what is published to them. */
export class Show {
  readonly channels: readonly string[]
  readonly #stage: Stage

  constructor(stage: Stage, channels: readonly string[]) {
    this.#stage = stage
    this.channels = channels
  }

  async open(count: number, at: readonly number[], ids?: readonly string[]): Promise<void> {
    await this.#stage.clients.call('open', { count, channels: this.channels, at, ms: LIMIT, ids })
  }

  /** Publishes so many events a second while something happens, each longer by so many characters. */
  async publishing<T>(rate: number, during: () => Promise<T>, padding = 0): Promise<T> {
    const { publisher } = this.#stage
    await publisher.call('start', this.channels, rate, padding)
    try {
      return await during()
    } finally {
      await publisher.call('stop')
    }
  }

  /** Resolves once so many more events were taken or rejected. */
  async progress(count: number): Promise<void> {
    await this.#stage.publisher.call('progress', count)
  }

  publish(channel = this.channels[0]): Promise<Published> {
    return this.#stage.publisher.call('publish', channel)
  }

  /** Some leave and come back after some milliseconds, to any of the servers. Resolves to their number. */
  reconnect(share = 1, ms = 0): Promise<number> {
    return this.#stage.clients.call('reconnect', share, ms)
  }

  /** Where clients that come back go from now on. */
  aim(ports: readonly number[]): Promise<void> {
    return this.#stage.clients.call('aim', ports)
  }

  /** Resolves once all streams are open. */
  opened(): Promise<void> {
    return this.#stage.clients.call('opened', LIMIT)
  }

  /** A share of the clients stops to read, until `resume`. */
  pause(share: number): Promise<void> {
    return this.#stage.clients.call('pause', share)
  }

  resume(): Promise<void> {
    return this.#stage.clients.call('resume')
  }

  /** Resolves once every client was told of so many holes. */
  reset(times: number): Promise<void> {
    return this.#stage.clients.call('reset', times, LIMIT)
  }

  /** How many streams are open. */
  count(): Promise<number> {
    return this.#stage.clients.call('count')
  }

  /** For how many milliseconds some client has heard nothing, not even a comment. */
  silence(): Promise<number> {
    return this.#stage.clients.call('silence')
  }

  /** Publishes a last event to each channel, waits until every client has it, and judges. */
  async end(ms = LIMIT): Promise<Outcome> {
    const { publisher } = this.#stage
    return this.judged(await publisher.call('finish', this.channels), ms)
  }

  /** Waits until every client has what is the last of its channel, and judges. */
  async judged(last: Readonly<Record<string, string>>, ms = LIMIT): Promise<Outcome> {
    const { publisher, clients } = this.#stage
    const late = await clients.call('until', last, ms).then(
      () => [],
      error => [(error as Error).message],
    )
    const log = (await publisher.call<Published[]>('log')).filter(({ channel }) => this.channels.includes(channel))
    const transcripts = await clients.call<Transcript[]>('close')
    const verdict = judge(log, transcripts)
    const problems = [...late, ...this.#stage.crashes, ...verdict.problems].slice(0, 10)
    return { ...verdict, problems, log, transcripts, rejected: codesOf(log) }
  }
}

function codesOf(log: readonly Published[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { code } of log) if (code !== undefined) counts[code] = (counts[code] ?? 0) + 1
  return counts
}
