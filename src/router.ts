import Router, { type RouterOptions } from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Activity, ConnectionStats } from './activity.js'
import type { ChannelStats } from './channel.js'
import { mountChannels } from './channel-mounts.js'
import { MAX_TIMEOUT, positive } from './checks.js'
import { Control, type Picked } from './control.js'
import { type Dashboard, dashboard, dashboardPath } from './dashboard/dashboard.js'
import type { DashboardOptions } from './dashboard/options.js'
import { jittered } from './jitter.js'
import { type LimitOptions, Limits, limitSettings } from './limits.js'
import type { Mount } from './mount.js'
import { Mounts } from './mounts.js'
import type { ChannelOptions, FuncOptions, PubSubLimits, Shared, SourceOptions } from './options.js'
import { checkNames } from './options.js'
import type { RunPlace } from './place.js'
import type { Health, Plugin, Relay } from './plugin.js'
import { type PublisherOptions, publisher } from './publisher.js'
import { type PublishOptions, PubSub } from './pubsub.js'
import { SOON } from './refusal.js'
import type { Runs } from './runs.js'
import type { SharedRequest } from './source.js'
import { type Func, mountFunc, mountGen, type Source } from './source-mounts.js'
import { connectionsOf, type Stats, statsOf } from './stats.js'

// @koa/router's allow any name, so that a misspelt one would be taken, and heard by nobody.
type Named<Options> = { [Name in keyof Options as string extends Name ? never : Name]: Options[Name] }

/** Options of `SseRouter`: those of @koa/router, and what carries the channels. */
export interface SseRouterOptions extends Named<RouterOptions>, PubSubLimits, LimitOptions {
  /**
   * What carries the channels.
   * @default mittPlugin()
   */
  plugin?: Plugin | Relay | undefined
}

/** How a router is closed. */
export interface CloseOptions {
  /**
   * Milliseconds over which its streams are ended one after another, so that their clients do not come back all at once, and for which
   * detached runs may go on.
   * @default 0
   */
  within?: number | undefined
}

/** Failures that are kept for an app that is not known yet. */
const MOST_EARLY = 100

/** A @koa/router whose routes may be event streams. */
export class SseRouter extends Router {
  /** The channels that this router serves. */
  readonly pubsub: PubSub
  readonly #mounts = new Mounts()
  readonly #dashboards: Dashboard[] = []
  readonly #limits: Limits
  readonly #control: Control | undefined
  #closing = false
  #app: Context['app'] | undefined
  readonly #early: unknown[] = []

  /** @throws TypeError or RangeError for options that cannot be used. */
  constructor(options: SseRouterOptions = {}) {
    checkNames('SseRouter', options)
    const { plugin, maxLog, maxReplay, coalesce, ...rest } = options
    super(rest)
    const onError = (error: unknown) => this.#report(error)
    this.#limits = new Limits(limitSettings(options))
    this.pubsub = new PubSub({ plugin, maxLog, maxReplay, coalesce, onError })
    if (options.connectionKey) this.#control = new Control(this.pubsub, isMeant => this.#mounts.pick(isMeant))
  }

  /** Tells what happens inside: to logs, metrics and tracers. It is that of `pubsub`. */
  get activity(): Activity {
    return this.pubsub.activity
  }

  /** Whether `close()` has been called: a load balancer should send clients elsewhere. */
  get closing(): boolean {
    return this.#closing
  }

  /**
   * Mounts `streamFunc(func, options)` at a path.
   * @throws TypeError or RangeError for options that cannot be used.
   */
  streamFunc(path: string, func: Func<SharedRequest>, options: FuncOptions & Shared): this
  streamFunc(path: string, func: Func, options?: FuncOptions): this
  streamFunc(path: string, func: Func<SharedRequest>, options: FuncOptions = {}): this {
    return this.#mount(path, options.methods, mountFunc(func, options, this.#place(path)))
  }

  /**
   * Mounts `streamGen(source, options)` at a path.
   * @throws TypeError or RangeError for a source or options that cannot be used.
   */
  streamGen(path: string, source: Source<SharedRequest>, options: SourceOptions & Shared): this
  streamGen(path: string, source: Source, options?: SourceOptions): this
  streamGen(path: string, source: Source<SharedRequest>, options: SourceOptions = {}): this {
    return this.#mount(path, options.methods, mountGen(source, options, this.#place(path)))
  }

  /**
   * Mounts `pubSub(this.pubsub, options)` at a path.
   * @throws TypeError or RangeError for options that cannot be used.
   */
  pubSub(path: string, options: ChannelOptions = {}): this {
    return this.#mount(path, ['GET'], mountChannels(this.pubsub, options, this.#place(path)))
  }

  /**
   * Mounts `publisher(this.pubsub, options)` at a path, for POST.
   * @throws TypeError or RangeError for options that cannot be used.
   */
  publisher(path: string, options: PublisherOptions = {}): this {
    this.register(path, ['POST'], this.#knowingApp(publisher(this.pubsub, options)))
    return this
  }

  /**
   * Mounts a page at a path that shows what this router does in this process, as it happens: rates, channels, connections, runs, holes
   * and failures. Who may see it may also watch any channel, publish events and end connections, unless it is `readOnly`.
   * @throws TypeError for options that cannot be used, or without `authorize` where `NODE_ENV` is set, but neither to `development` nor
   * to `test`.
   */
  dashboard(path: string, options: DashboardOptions = {}): this {
    const page = dashboard(this, options)
    this.#dashboards.push(page)
    this.register(dashboardPath(path), ['GET', 'POST'], this.#knowingApp(page))
    return this
  }

  /** Publishes an event: `pubsub.publish`. */
  publish(data: unknown, options: PublishOptions = {}): Promise<string> {
    return this.pubsub.publish(data, options)
  }

  /** Resolves once publishing and receiving work, rejects at once with why they do not: `pubsub.ready`. */
  ready(): Promise<void> {
    return this.pubsub.ready()
  }

  /** Whether publishing and receiving work now, and why not: `pubsub.health`. */
  health(): Health {
    return this.pubsub.health()
  }

  /**
   * Begins the shared run of a key before anyone watches it: a job that is started by POST, say. `ctx` is what its source is told. A
   * run that is there already, or that is over and kept, is left as it is. One that is not `detached` and that nobody watches is
   * stopped after `linger`.
   * @throws TypeError if it is not clear which mount is meant, or for a key that cannot be one; an HTTP error 503 past `maxRuns`, or
   * once the router is closing; what the source's function throws.
   */
  async begin(ctx: Context, key = '', path?: string): Promise<void> {
    if (this.#closing) ctx.throw(503, 'This process is closing: try again', { headers: { 'Retry-After': '1' } })
    await this.#runsAt(path, 'begin').begin(key, ctx)
  }

  /**
   * Ends the shared run of a key for all who watch it, in every process: of the mount at `path`, which may be left out where one mount
   * only is shared.
   * @throws TypeError if it is not clear which mount is meant, or for a key that cannot be one.
   */
  async cancel(key = '', path?: string): Promise<void> {
    await this.#runsAt(path, 'cancel').cancel(key)
  }

  /** What is open now, and totals since the router was made. It costs a little for each open stream: ask once a second, not for each request. */
  stats(): Stats {
    return statsOf(this.activity, this.#mounts.streams, this.pubsub, this.#mounts.runStats())
  }

  /** The open streams of this process, one by one. */
  connections(): Iterable<ConnectionStats> {
    return connectionsOf(this.#mounts.streams)
  }

  /** The channels that are followed in this process, one by one. */
  channels(): Iterable<ChannelStats> {
    return this.pubsub.followed()
  }

  /** Ends one stream of this process, by its id among `connections()`. Its client reconnects. Returns whether there was one. */
  end(id: number): boolean {
    const connection = this.#mounts.connections.find(({ id: known }) => known === id)
    void connection?.close('disconnected', { retry: jittered(SOON) })
    return connection !== undefined
  }

  /**
   * Ends the streams of who lost access: their clients reconnect, and are then judged anew. A predicate picks them by their context, in
   * this process; `{ key }`, `{ channel }` or both pick them in every process that has the same plugin's channels, also those that
   * cannot be reached now: they do it when they hear of it. Resolves to how many there were in this process.
   * @throws TypeError for what picks nothing, or for a key or a channel where the router has no `connectionKey`; what the plugin
   * rejects with: the streams of this process have ended then, the others may not hear of it.
   */
  async disconnect(picked: ((ctx: Context) => boolean) | Picked): Promise<number> {
    if (typeof picked === 'function') return this.#mounts.disconnect(picked)
    if (this.#control) return this.#control.disconnect(picked)
    throw new TypeError('disconnect picks streams by key or channel where SseRouter has the option connectionKey')
  }

  /**
   * Ends every stream of this router, and sends away who asks for one from now on. Then `server.close()` can return.
   *
   * With `within` the streams are ended one after another over that time less a second, their clients told to come back soon, each at
   * another moment. Detached runs go on meanwhile, to their end or until the time is over, and are then left to another process; who
   * watches one that only this process has stays until it ends. Called again without, it ends at once what is left.
   * @throws TypeError or RangeError for a time that cannot be used.
   */
  async close({ within = 0 }: CloseOptions = {}): Promise<void> {
    const time = within === 0 ? 0 : positive('within', within, MAX_TIMEOUT)
    this.#closing = true
    try {
      await this.#mounts.close(time)
    } finally {
      await Promise.all(this.#dashboards.map(page => page.close()))
      this.#control?.close()
      await this.pubsub.close()
    }
  }

  #place(path: string): RunPlace {
    const { pubsub, activity } = this
    const added = (runs: Runs) => this.#mounts.addRuns(runs)
    return { path: this.#fullPath(path), pubsub, activity, limits: this.#limits, control: this.#control, added }
  }

  #runsAt(path: string | undefined, asker: string): Runs {
    return this.#mounts.runsAt(path === undefined ? undefined : this.#fullPath(path), asker)
  }

  #fullPath(path: string): string {
    return `${this.opts.prefix ?? ''}${path}`
  }

  #mount(path: string, methods: readonly string[] = ['GET'], middleware: Mount): this {
    this.#mounts.add(middleware)
    this.register(path, [...methods], this.#knowingApp(middleware))
    return this
  }

  #knowingApp(middleware: Middleware): Middleware {
    return (ctx, next) => {
      this.#app = ctx.app
      for (const error of this.#early.splice(0)) this.#report(error)
      return middleware(ctx, next)
    }
  }

  // A failure of no request goes to the app's error event too. The app is known from its first request on.
  #report(error: unknown): void {
    if (this.#app) this.#app.emit('error', error)
    else if (this.#early.length < MOST_EARLY) this.#early.push(error)
  }
}
