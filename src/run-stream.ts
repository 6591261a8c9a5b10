import type { Sender } from './connection.js'
import type { Cursor, Follower, Reset } from './cursor.js'
import { encodeEvent } from './encoder.js'
import { isPassing } from './errors.js'
import { type Range, wireText } from './log.js'
import { STREAM_END } from './mount.js'
import type { Entry } from './plugin.js'
import { idOf, isSamePosition, type Position, parsePosition, previous } from './position.js'
import type { PubSub } from './pubsub.js'
import { openEvent, resetEvent } from './reset-event.js'
import type { Run, Viewer } from './run.js'
import type { Standing } from './run-store.js'
import type { Replay } from './share.js'

/** Sends a run's events over a viewer's connection, once that is open, to the end of the run or until the viewer leaves. */
export async function sendRun(
  viewer: Viewer,
  pubsub: PubSub,
  run: Run,
  standing: Standing,
  replay: Replay,
  lastEventId: string | undefined,
): Promise<void> {
  const { connection } = viewer
  const follower = new RunFollower(viewer, pubsub, run, replay)
  connection.attach(follower)
  if (!(await connection.ready())) return follower.left()
  run.caughtUp()
  try {
    await follower.begin(standing, lastEventId)
  } catch (error) {
    follower.fail(error)
  }
}

/** One viewer's way through a run. */
class RunFollower implements Follower, Sender {
  readonly whenBehind = 'catch-up'
  newestFirst = false
  readonly #viewer: Viewer
  readonly #pubsub: PubSub
  readonly #run: Run
  readonly #replay: Replay
  #cursor: Cursor | undefined
  #hasSent = false
  /** Where it went on after a hole; undefined until there was one. */
  #replayedFrom: Position | undefined
  /** What it lacks and has not been told of: while that is so, it takes nothing. */
  #hole: Reset | undefined

  constructor(viewer: Viewer, pubsub: PubSub, run: Run, replay: Replay) {
    this.#viewer = viewer
    this.#pubsub = pubsub
    this.#run = run
    this.#replay = replay
  }

  get ready(): boolean {
    return !this.#hole && this.#viewer.connection.writable
  }

  caughtUp(): void {
    this.#cursor?.advance()
    this.#run.caughtUp()
  }

  left(): void {
    this.#cursor?.close()
    this.#run.leave(this.#viewer)
  }

  /** Follows the run from what the client has seen of it, or from what late viewers get first. */
  async begin({ status, start, top }: Standing, lastEventId: string | undefined): Promise<void> {
    const seen = lastEventId === undefined ? undefined : await this.#find(start, lastEventId)
    if (this.#viewer.connection.left) return this.left()
    if (lastEventId !== undefined && !seen) this.#tell({ reason: 'epoch', from: undefined, now: start })
    const after = seen ?? (this.#replay === 'all' || this.#run.events === 0 ? start : undefined)
    const isOver = status === 'over'
    // The end of a run is its newest event: whoever comes then gets that at least.
    const from = isOver && (!after || isSamePosition(after, top)) ? previous(top) : after
    this.newestFirst = !seen && this.#replay === 'latest' && !isOver
    this.#follow(from)
  }

  take(range: Range): void {
    this.#viewer.connection.sendRange(range)
    this.#endAfter(range.lastEvent)
  }

  replay(entries: readonly Entry[]): void {
    this.#viewer.connection.send(entries.map(wireText).join(''), entries.length)
    this.#endAfter(entries.at(-1)?.message.event)
  }

  reset(reset: Reset): void {
    const before = this.#hole
    this.#hole = before ? { ...reset, from: before.from } : reset
    if (!before) this.#goOn().catch(error => this.fail(isPassing(error) ? undefined : error))
  }

  joined(): void {}

  live({ position }: Cursor): void {
    // What was sent has an id to go on from.
    if (this.#hasSent) return
    this.#viewer.connection.send(encodeEvent(openEvent([this.#run.key], idOf(position as Position))))
  }

  fail(error?: unknown): void {
    const { connection } = this.#viewer
    this.left()
    if (error === undefined) void connection.close('failed')
    else connection.abandon(error)
  }

  // Where an event of this run is that a client has seen; undefined for one of a run that is gone.
  async #find(start: Position, id: string): Promise<Position | undefined> {
    const position = parsePosition(id)
    const found = position?.epoch === start.epoch ? position : await this.#pubsub.find(this.#run.channel, id)
    return found?.epoch === start.epoch ? found : undefined
  }

  #follow(from: Position | undefined): void {
    const before = this.#cursor
    this.#cursor = this.#pubsub.follow(this.#run.channel, this, from && (idOf(from) as string))
    before?.close() // only now: the last who leaves a channel closes it
  }

  // After a hole a viewer is like one who comes late.
  async #goOn(): Promise<void> {
    const { connection } = this.#viewer
    const reset = this.#hole as Reset
    const isEnd = this.#run.isOver
    const now = isEnd ? reset.now : await this.#late(reset)
    if (connection.left) return this.left()
    if (this.#hole !== reset) return this.#goOn() // it has grown meanwhile
    this.#hole = undefined
    this.#tell({ ...reset, now })
    if (isEnd) return this.#end() // it was in the hole: who comes back gets it
    if (isSamePosition(now, reset.now)) return this.#cursor?.advance()
    this.#replayedFrom = now
    this.#follow(now)
  }

  async #late({ from, now }: Reset): Promise<Position> {
    // What is lost there too is not asked for again.
    if (from && this.#replayedFrom && isSamePosition(from, this.#replayedFrom)) return now
    if (this.#replay === 'latest') return now.offset > 0 ? previous(now) : now
    if (this.#replay === 'none' || from?.epoch === now.epoch) return now
    const { start } = await this.#run.whereItStands()
    return start.epoch === now.epoch ? start : now
  }

  #tell(reset: Reset): void {
    this.#hasSent = true
    const { key } = this.#run
    this.#viewer.connection.sendReset(encodeEvent(resetEvent(key, reset)), key, reset.reason)
  }

  #endAfter(event: string | undefined): void {
    this.#hasSent = true
    if (event === STREAM_END) this.#end()
  }

  #end(): void {
    this.left()
    this.#viewer.connection.end()
  }
}
