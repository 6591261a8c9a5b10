import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from 'koa'
import { STREAM_OVER } from './abort.js'
import type { Connection } from './connection.js'
import { drive, type Outcome } from './drive.js'
import { isPassing, SseError } from './errors.js'
import { type Message, ServerSentEvent } from './event.js'
import { STREAM_END } from './mount.js'
import type { Position } from './position.js'
import type { RunStore, Standing } from './run-store.js'
import type { ShareSettings } from './share.js'
import { areValues, type StreamRequest, type Values } from './source.js'

/** Milliseconds between two tries to publish. */
const RETRY = 250

/** What a shared source is told. */
export type RunRequest = StreamRequest & { readonly key: string; readonly position: number }

/** What a run needs of its mount. */
export interface RunHost {
  readonly settings: ShareSettings
  readonly store: RunStore
  /** This process, among those that share the store. */
  readonly holder: string
  open(request: RunRequest): Values | Promise<Values>
  /** The id of the event at a position. */
  idAt(channel: string, position: Position): Promise<string>
  /** Whether one more run may be begun. */
  hasRoom(): boolean
  /** Nobody here views it, and it is not run here. */
  emptied(run: Run): void
}

/** Who watches a run. */
export interface Viewer {
  readonly ctx: Context
  readonly connection: Connection
}

/** A run, as this process has it: it is run here, or it is watched here, or both. */
export class Run {
  readonly key: string
  readonly channel: string
  readonly #host: RunHost
  readonly #viewers = new Set<Viewer>()
  #standing: Standing | undefined
  /** Before what this process publishes next. What the store says may be further on already: it may have taken that. */
  #sent: Position | undefined
  #begun = performance.now()
  #entering: Promise<Standing> | undefined
  #source: AbortController | undefined
  #ctx: Context | undefined
  #idleSince = 0
  #ticks: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #ageTimer: NodeJS.Timeout | undefined
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
    return this.#source !== undefined
  }

  /** Milliseconds since it began, as far as this process knows. */
  get age(): number {
    return performance.now() - this.#begun
  }

  /** How many events it has had. */
  get events(): number {
    const { start, top } = this.#standing ?? {}
    const newest = this.#source ? this.#sent : top
    return start && newest ? newest.offset - start.offset : 0
  }

  /** Lets a viewer in: the first one of all begins the run. Rejects with what the source's function throws. */
  async enter(viewer: Viewer): Promise<Standing> {
    this.#viewers.add(viewer)
    clearTimeout(this.#idleTimer)
    try {
      if (this.#standing && this.#source) return this.#standing
      this.#entering ??= this.#begin(viewer.ctx).finally(() => {
        this.#entering = undefined
      })
      return await this.#entering
    } catch (error) {
      this.leave(viewer)
      throw error
    }
  }

  leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return
    this.#wake()
    if (this.#viewers.size > 0) return
    this.#idleSince = performance.now()
    if (this.#source) this.#idleTimer = setTimeout(() => this.#tick(), this.#host.settings.linger).unref()
    this.#settle()
  }

  /** A viewer can take more. */
  caughtUp(): void {
    this.#wake()
  }

  /** Ends the run for all who watch it. */
  async cancel(): Promise<void> {
    const { token, top } = await this.#claim(true)
    this.#stop()
    this.#sent = top
    await this.#finish({ cancelled: true }, token)
  }

  /** Lets go of the run: another process that has viewers takes it over. */
  async close(): Promise<void> {
    const wasHere = this.#source !== undefined
    this.#stop()
    clearTimeout(this.#idleTimer)
    clearInterval(this.#ticks)
    const { store, holder, settings } = this.#host
    const { maxEvents: count } = settings
    if (wasHere) await store.claim(this.channel, { holder, lease: 0, count, watching: false })
  }

  async #begin(ctx: Context): Promise<Standing> {
    const standing = await this.#claim()
    if (standing.status === 'mine' && !this.#source) await this.#take(ctx, standing)
    this.#ticks ??= setInterval(() => this.#tick(), this.#host.settings.lease / 3).unref()
    return this.#standing ?? standing
  }

  async #claim(force = false): Promise<Standing> {
    const { store, holder, settings } = this.#host
    const { lease, maxEvents: count } = settings
    const standing = await store.claim(this.channel, { holder, lease, count, watching: this.#viewers.size > 0, force })
    if (standing.isNew) this.#begun = performance.now()
    this.#standing = standing
    return standing
  }

  async #take(ctx: Context, standing: Standing): Promise<void> {
    const { host, token } = { host: this.#host, token: standing.token }
    const controller = new AbortController()
    this.#source = controller
    this.#ctx = ctx
    try {
      if (!host.hasRoom()) refuse(ctx)
      const { start, top } = await this.#goOn(standing)
      this.#sent = top
      const position = top.offset - start.offset
      const lastEventId = position > 0 ? await host.idAt(this.channel, top) : undefined
      const request = { ctx, key: this.key, signal: controller.signal, lastEventId, position }
      const values = await host.open(request)
      if (!areValues(values)) throw new TypeError('A shared source must return an iterable or an async iterable')
      void this.#run(values, controller)
    } catch (error) {
      this.#source = undefined
      await host.store.finish(this.channel, token, 0)
      throw error
    }
  }

  // A source that cannot go on where another process left it begins anew, and so do the run's events.
  async #goOn(standing: Standing): Promise<Standing> {
    const { settings, store } = this.#host
    if (settings.resumable || standing.top.offset === standing.start.offset) return standing
    const start = (await store.restart(this.channel, standing.token)) ?? standing.start
    this.#standing = { ...standing, start, top: start }
    return this.#standing
  }

  async #run(values: Values, controller: AbortController): Promise<void> {
    const { detached, maxAge } = this.#host.settings
    const { signal } = controller
    let isLate = false
    if (detached) {
      this.#ageTimer = setTimeout(() => {
        isLate = true
        controller.abort(STREAM_OVER)
      }, maxAge).unref()
    }
    const pace = () => this.#pace(signal)
    const outcome = await drive(values, { signal, pace, publish: event => this.#publish(event, signal) })
    clearTimeout(this.#ageTimer)
    await this.#conclude(isLate ? late(maxAge) : outcome, controller)
  }

  async #conclude(outcome: Outcome, controller: AbortController): Promise<void> {
    try {
      if (outcome.how === 'failed') this.#report(outcome.error)
      if (outcome.how === 'ended') await this.#finish({})
      if (outcome.how === 'failed') await this.#finish({ failed: true })
    } catch (error) {
      this.#report(error)
    } finally {
      if (this.#source === controller) this.#source = undefined
      this.#settle()
    }
  }

  // Its end is an event like the others, so that who comes back later finds it.
  async #finish(data: object, token = this.#standing?.token ?? 0): Promise<void> {
    const { store, settings } = this.#host
    const end = new ServerSentEvent(data, { event: STREAM_END, id: STREAM_END, allowReserved: true })
    if (await this.#publish(end, undefined)) {
      await this.#again(() => store.finish(this.channel, this.#standing?.token ?? token, settings.keep), undefined)
    }
  }

  async #publish(message: Message, signal: AbortSignal | undefined): Promise<boolean> {
    const { store } = this.#host
    for (;;) {
      const { token } = this.#standing as Standing
      const after = this.#sent as Position
      const position = await this.#again(() => store.publish(this.channel, message, token, after), signal)
      if (position) {
        this.#sent = position
        return true
      }
      if (signal?.aborted) return false
      const standing = await this.#again(() => this.#claim(), signal) // the store may have lost it, and now it is ours again
      if (standing?.status !== 'mine' || standing.token === token) return false
      this.#sent = standing.top
    }
  }

  // Who holds a run goes on with it once the store is back, unless another has taken it over by then.
  async #again<T>(act: () => Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
    for (;;) {
      try {
        return await act()
      } catch (error) {
        const { code } = error as { code?: unknown }
        if (!isPassing(error) && code !== 'ERR_SSE_UNCERTAIN') throw error
      }
      await wait(RETRY, undefined, { ref: false, ...(signal && { signal }) }).catch(() => {})
      if (signal?.aborted) return undefined
    }
  }

  async #pace(signal: AbortSignal): Promise<void> {
    if (this.#host.settings.pace === 'nobody') return
    while (!signal.aborted && this.#viewers.size > 0 && ![...this.#viewers].some(isReady)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  #tick(): void {
    this.#look().catch(error => {
      if (!isPassing(error)) this.#report(error)
    })
  }

  async #look(): Promise<void> {
    if (this.#entering) return
    const { status, others } = await this.#claim()
    const [viewer] = this.#viewers
    if (status !== 'mine' && this.#source) this.#stop()
    else if (status === 'mine' && !this.#source && viewer) await this.#take(viewer.ctx, this.#standing as Standing)
    else if (this.#source && this.#isIdle && others === 0) await this.#giveUp()
  }

  get #isIdle(): boolean {
    const { detached, linger } = this.#host.settings
    return !detached && this.#viewers.size === 0 && performance.now() - this.#idleSince >= linger
  }

  // The run is forgotten: who comes now begins another.
  async #giveUp(): Promise<void> {
    this.#stop()
    await this.#host.store.finish(this.channel, this.#standing?.token ?? 0, 0)
  }

  #stop(): void {
    this.#source?.abort(STREAM_OVER)
    this.#source = undefined
    this.#wake()
    this.#settle()
  }

  #settle(): void {
    if (this.#source || this.#viewers.size > 0) return
    clearInterval(this.#ticks)
    clearTimeout(this.#idleTimer)
    this.#ticks = undefined
    this.#host.emptied(this)
  }

  #report(error: unknown): void {
    this.#ctx?.app.emit('error', error, this.#ctx)
  }
}

const isReady = ({ connection }: Viewer) => connection.writable

const late = (maxAge: number): Outcome => ({
  how: 'failed',
  error: new SseError('ERR_SSE_TIMEOUT', `A detached run was stopped after ${maxAge} ms: see the option maxAge`),
})

function refuse(ctx: Context): never {
  return ctx.throw(503, 'Too many runs are alive: try again later', { headers: { 'Retry-After': '10' } })
}
