import type { Context } from 'koa'
import type { Connection } from './connection.js'
import { isPassing, SseError } from './errors.js'
import { Holding } from './holding.js'
import type { Position } from './position.js'
import type { RunStore, Standing } from './run-store.js'
import type { ShareSettings } from './share.js'
import { areValues, type SharedRequest, type Values } from './source.js'

/** What a run needs of its mount. */
export interface RunHost {
  readonly settings: ShareSettings
  readonly store: RunStore
  /** This process, among those that share the store. */
  readonly holder: string
  open(request: SharedRequest): Values | Promise<Values>
  /** The id of the event at a position. */
  idAt(channel: string, position: Position): Promise<string>
  /** Counts one more run that is alive; false if there are as many as may be begun. */
  reserve(run: Run): boolean
  /** Counts one that was taken over, however many there are: its viewers are not to lose it. */
  adopt(run: Run): void
  release(run: Run): void
  failed(error: unknown, ctx: Context): void
  /** Nobody here watches it, and its source is not run here. */
  emptied(run: Run): void
}

/** Who watches a run. */
export interface Viewer {
  readonly ctx: Context
  readonly connection: Connection
}

/** There are as many runs alive as may be. */
export class TooManyRuns extends Error {}

/** A run, as this process has it: its source is run here, or it is watched here, or both. */
export class Run {
  readonly key: string
  readonly channel: string
  readonly #host: RunHost
  readonly #viewers = new Set<Viewer>()
  #standing: Standing | undefined
  #holding: Holding | undefined
  #entering: Promise<Standing> | undefined
  #looking: Promise<Standing> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #steps = 0
  #isClosed = false
  #begun = performance.now()
  #idleSince = 0
  #ticks: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #wake = () => {}

  constructor(key: string, channel: string, host: RunHost) {
    this.key = key
    this.channel = channel
    this.#host = host
  }

  get viewers(): number {
    return this.#viewers.size
  }

  /** Whether its source is run in this process. */
  get isHere(): boolean {
    return this.#holding !== undefined
  }

  /** Whether it has ended: who comes now may begin another. */
  get isOver(): boolean {
    return this.#standing?.status === 'over'
  }

  /** Milliseconds since it began, as far as this process knows. */
  get age(): number {
    return performance.now() - this.#begun
  }

  /** How many events it has had. */
  get events(): number {
    const { start, top } = this.#standing ?? {}
    const newest = this.#holding?.sent ?? top
    return start && newest ? newest.offset - start.offset : 0
  }

  /** Lets a viewer in: the first one of all begins the run. Rejects with what the source's function throws. */
  async enter(viewer: Viewer): Promise<Standing> {
    this.#viewers.add(viewer)
    clearTimeout(this.#idleTimer)
    try {
      if (this.#standing && this.#holding && this.#steps === 0) return this.#standing
      this.#entering ??= this.#inTurn(() => this.#begin(viewer.ctx)).finally(() => {
        this.#entering = undefined
      })
      return await this.#entering
    } catch (error) {
      this.leave(viewer)
      throw error
    }
  }

  /** Where it stands. Nobody begins it for that: who holds it may not have heard yet that the store has lost it. */
  async whereItStands(): Promise<Standing> {
    if (this.#standing && this.#holding && this.#steps === 0) return this.#standing
    this.#looking ??= this.#inTurn(() => this.#claim(this.isHere)).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return
    this.#wake()
    if (this.#viewers.size > 0) return
    this.#linger()
    this.#settle()
  }

  /** Begins it before anyone watches, unless there is one, or one that is over is kept. Rejects with what the source's function throws. */
  async begin(ctx: Context): Promise<void> {
    await this.#inTurn(() => this.#begin(ctx))
    if (this.#viewers.size === 0) this.#linger()
  }

  /** A viewer can take more. */
  caughtUp(): void {
    this.#wake()
  }

  /** Ends the run for all who watch it, here and elsewhere. */
  cancel(): Promise<void> {
    return this.#inTurn(async () => {
      const standing = await this.#claim(false, true)
      this.#stop()
      if (standing.status !== 'mine') return // there is none, or it is over already
      await this.#hold(standing).finish({ cancelled: true })
      this.#standing = { ...standing, status: 'over' }
    })
  }

  /** Lets go of the run: another process that has viewers takes it over. */
  async close(): Promise<void> {
    const wasHere = this.isHere
    this.#isClosed = true
    this.#stop()
    clearTimeout(this.#idleTimer)
    clearInterval(this.#ticks)
    // Where the store cannot be reached, the run lapses.
    if (wasHere) await this.#letGo().catch(() => {})
  }

  #linger(): void {
    this.#idleSince = performance.now()
    clearTimeout(this.#idleTimer)
    if (this.#holding) this.#idleTimer = setTimeout(() => this.#tick(), this.#host.settings.linger + 1).unref()
  }

  async #letGo(): Promise<void> {
    const { store, holder, settings } = this.#host
    const { maxEvents: count } = settings
    await store.claim(this.channel, { holder, lease: 0, count, watching: false, begin: false })
  }

  // One step at a time: what follows from a claim must not cross what follows from another.
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#steps += 1
    const result = this.#turn.then(step)
    const over = () => {
      this.#steps -= 1
      this.#settle()
    }
    this.#turn = result.then(over, over)
    return result
  }

  async #begin(ctx: Context): Promise<Standing> {
    if (this.#standing && this.#holding) return this.#standing
    const standing = await this.#claim(true)
    if (this.#isClosed) return this.#turnAway()
    if (standing.status !== 'over') {
      this.#ticks ??= setInterval(() => this.#tick(), this.#host.settings.lease / 3).unref()
    }
    if (standing.status === 'mine') await this.#takeOrRefuse(ctx, standing)
    return this.#standing ?? standing
  }

  async #takeOrRefuse(ctx: Context, standing: Standing): Promise<void> {
    if (!standing.isNew || this.#host.reserve(this)) return this.#take(ctx, standing)
    await this.#hold(standing).forget()
    throw new TooManyRuns()
  }

  async #turnAway(): Promise<never> {
    await this.#letGo().catch(() => {})
    throw new SseError('ERR_SSE_UNREACHABLE', 'This process is closing')
  }

  async #claim(begin: boolean, force = false): Promise<Standing> {
    const { store, holder, settings } = this.#host
    const { lease, maxEvents: count } = settings
    const watching = this.#viewers.size > 0
    const standing = await store.claim(this.channel, { holder, lease, count, watching, begin, force })
    if (standing.isNew) this.#begun = performance.now()
    if (standing.status !== 'gone') this.#standing = standing
    if (standing.others > 0) this.#idleSince = performance.now()
    if (standing.others > 0) this.#wake() // there are viewers elsewhere that those here must not hold up
    return standing
  }

  // The first to come is told what the source's function throws; where the run is taken over, its viewers are told that it failed.
  async #take(ctx: Context, claimed: Standing): Promise<void> {
    if (!claimed.isNew) this.#host.adopt(this)
    const standing = await this.#goOn(claimed)
    const holding = this.#hold(standing, ctx)
    this.#holding = holding
    try {
      const values = await this.#open(ctx, standing, holding.signal)
      if (this.#holding === holding) void holding.run(values).then(hasEnded => this.#released(holding, hasEnded))
      else await this.#dropped(values, holding)
    } catch (error) {
      this.#holding = undefined
      await (claimed.isNew ? holding.forget() : holding.finish({ failed: true }))
      throw error
    }
  }

  // Stopped while its source's function was still at work.
  async #dropped(values: Values, holding: Holding): Promise<void> {
    await holding.run(values) // which only releases it, as it is aborted
    if (this.#isClosed) await this.#turnAway()
  }

  async #open(ctx: Context, { start, top }: Standing, signal: AbortSignal): Promise<Values> {
    const { open, idAt } = this.#host
    const position = top.offset - start.offset
    const lastEventId = position > 0 ? await idAt(this.channel, top) : undefined
    const values = await open({ ctx, key: this.key, signal, lastEventId, position })
    if (areValues(values)) return values
    throw new TypeError('A shared source must return an iterable or an async iterable')
  }

  #hold(standing: Standing, ctx?: Context): Holding {
    const { settings, store } = this.#host
    return new Holding(standing, {
      channel: this.channel,
      store,
      keep: settings.keep,
      maxAge: settings.detached ? settings.maxAge : undefined,
      count: settings.maxEvents,
      claim: begin => this.#claim(begin),
      pace: signal => this.#pace(signal),
      failed: error => ctx && this.#host.failed(error, ctx),
    })
  }

  // A source that cannot go on where another process left it begins anew, and so do the run's events.
  async #goOn(standing: Standing): Promise<Standing> {
    const { settings, store } = this.#host
    if (settings.resumable || standing.top.offset === standing.start.offset) return standing
    const start = (await store.restart(this.channel, standing.token)) ?? standing.start
    this.#standing = { ...standing, start, top: start }
    return this.#standing
  }

  #released(holding: Holding, hasEnded: boolean): void {
    if (this.#holding !== holding) return
    this.#holding = undefined
    if (hasEnded && this.#standing) this.#standing = { ...this.#standing, status: 'over', top: holding.sent }
    this.#settle()
  }

  // A run waits for nobody if nobody here watches it, or somebody elsewhere does.
  async #pace(signal: AbortSignal): Promise<void> {
    if (this.#host.settings.pace === 'nobody') return
    while (!signal.aborted && this.#viewers.size > 0 && !this.#standing?.others && ![...this.#viewers].some(isReady)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        signal.onabort = () => resolve()
      })
    }
  }

  #tick(): void {
    const step = this.#steps > 0 ? () => this.#renew() : () => this.#inTurn(() => this.#look())
    step().catch(error => {
      const [viewer] = this.#viewers
      if (viewer && !isPassing(error)) this.#host.failed(error, viewer.ctx)
    })
  }

  // While something else is under way: a source's function that takes its time must not lose the run.
  async #renew(): Promise<void> {
    if (!this.#holding) return
    const { others } = await this.#claim(false)
    if (this.#isIdle && others === 0) this.#holding?.stop()
  }

  async #look(): Promise<void> {
    if (this.isOver) return this.#endLeftBehind()
    const { status, others } = await this.#claim(this.isHere)
    const [viewer] = this.#viewers
    if (this.#isClosed) return
    if (status === 'gone') this.#endLeftBehind()
    else if (status !== 'mine' && this.#holding) this.#stop()
    else if (status === 'mine' && !this.#holding && viewer) await this.#take(viewer.ctx, this.#standing as Standing)
    else if (this.#holding && this.#isIdle && others === 0) await this.#giveUp(this.#holding)
  }

  // Who reads and has not come to an end by now will not: it was in a hole. They come back, and are told.
  #endLeftBehind(): void {
    for (const viewer of [...this.#viewers]) if (isReady(viewer)) void viewer.connection.close('failed')
  }

  get #isIdle(): boolean {
    const { detached, linger } = this.#host.settings
    return !detached && this.#viewers.size === 0 && performance.now() - this.#idleSince >= linger
  }

  async #giveUp(holding: Holding): Promise<void> {
    this.#stop()
    await holding.forget()
  }

  #stop(): void {
    this.#holding?.stop()
    this.#holding = undefined
    this.#wake()
    this.#settle()
  }

  #settle(): void {
    if (!this.#holding) this.#host.release(this)
    if (this.#holding || this.#steps > 0 || this.#viewers.size > 0) return
    clearInterval(this.#ticks)
    clearTimeout(this.#idleTimer)
    this.#ticks = undefined
    this.#host.emptied(this)
  }
}

const isReady = ({ connection }: Viewer) => connection.writable
