import type { Message } from '../../src/event.js'
import { isSamePosition, NOWHERE, type Position } from '../../src/position.js'
import type { Claim, RunStore, Standing } from '../../src/run-store.js'

/** The channels of a plugin, as far as runs need them. */
export interface RunChannels {
  /** Begins a channel anew, keeping so many events. Answers its position. */
  begin(channel: string, count: number): Position
  top(channel: string): Position
  publish(channel: string, message: Message): Promise<Position>
  drop(channel: string): void
}

interface Kept {
  holder: string
  expires: number
  token: number
  start: Position
  isOver: boolean
  /** Until when a holder's word counts that it has viewers. */
  readonly watchers: Map<string, number>
  readonly count: number
}

/** Where runs stand within one process: between the parts of it that use one plugin. */
export class LocalRuns implements RunStore {
  readonly isLocal = true
  readonly #channels: RunChannels
  readonly #runs = new Map<string, Kept>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #tokens = 0

  constructor(channels: RunChannels) {
    this.#channels = channels
  }

  /** Whether a channel is that of a run that is kept. */
  has(channel: string): boolean {
    return this.#runs.has(channel)
  }

  async claim(channel: string, claim: Claim): Promise<Standing> {
    const now = performance.now()
    const known = this.#runs.get(channel)
    if (!known && !claim.begin) return GONE
    const run = known ?? this.#begin(channel, claim)
    if (claim.watching) run.watchers.set(claim.holder, now + claim.lease * 2)
    else run.watchers.delete(claim.holder)
    const isFree = run.expires <= now || claim.force === true
    if (!run.isOver && run.holder !== claim.holder && isFree) {
      run.holder = claim.holder
      run.token = this.#nextToken()
    } else if (claim.force) {
      run.token = this.#nextToken()
    }
    const isMine = !run.isOver && run.holder === claim.holder
    if (isMine) run.expires = now + claim.lease
    const others = [...run.watchers].filter(([holder, until]) => holder !== claim.holder && until > now).length
    const status = run.isOver ? 'over' : isMine ? 'mine' : 'elsewhere'
    return { status, token: run.token, start: run.start, top: this.#channels.top(channel), isNew: !known, others }
  }

  async publish(channel: string, message: Message, token: number, after: Position): Promise<Position | undefined> {
    const isNext = this.#held(channel, token) && isSamePosition(this.#channels.top(channel), after)
    return isNext ? this.#channels.publish(channel, message) : undefined
  }

  async restart(channel: string, token: number): Promise<Position | undefined> {
    const run = this.#held(channel, token)
    if (run) run.start = this.#channels.begin(channel, run.count)
    return run?.start
  }

  async finish(channel: string, token: number, keep: number): Promise<void> {
    const run = this.#held(channel, token)
    if (!run) return
    run.isOver = true
    if (keep === 0) return this.#forget(channel)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#forget(channel)
    }, keep).unref()
    this.#timers.add(timer)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#runs.clear()
  }

  #begin(channel: string, { holder, lease, count }: Claim): Kept {
    const start = this.#channels.begin(channel, count)
    const run = {
      holder,
      expires: performance.now() + lease,
      token: this.#nextToken(),
      start,
      isOver: false,
      watchers: new Map(),
      count,
    }
    this.#runs.set(channel, run)
    return run
  }

  #forget(channel: string): void {
    this.#runs.delete(channel)
    this.#channels.drop(channel)
  }

  // Never the same again: what a run that was forgotten still publishes is not taken for the next one's.
  #nextToken(): number {
    this.#tokens += 1
    return this.#tokens
  }

  #held(channel: string, token: number): Kept | undefined {
    const run = this.#runs.get(channel)
    return run && !run.isOver && run.token === token ? run : undefined
  }
}

const GONE: Standing = { status: 'gone', token: 0, start: NOWHERE, top: NOWHERE, isNew: false, others: 0 }
