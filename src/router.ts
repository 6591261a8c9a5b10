import Router, { type RouterOptions } from '@koa/router'
import type { Context, Middleware } from 'koa'
import { pubSub } from './channel-mounts.js'
import type { StreamMiddleware } from './mount.js'
import type { ChannelOptions, FuncOptions, PubSubLimits, Shared, SourceOptions } from './options.js'
import type { Health, Plugin, Relay } from './plugin.js'
import { type PublisherOptions, publisher } from './publisher.js'
import { type PublishOptions, PubSub } from './pubsub.js'
import type { RunStats, Runs } from './runs.js'
import type { RunPlace } from './shared-mounts.js'
import type { SharedRequest } from './source.js'
import { type Func, mountFunc, mountGen, type Source } from './source-mounts.js'

/** Options of `SseRouter`: those of @koa/router, and what carries the channels. */
export interface SseRouterOptions extends RouterOptions, PubSubLimits {
  /**
   * What carries the channels.
   * @default mittPlugin()
   */
  plugin?: Plugin | Relay | undefined
}

/** Failures that are kept for an app that is not known yet. */
const MOST_EARLY = 100

/** A @koa/router whose routes may be event streams. */
export class SseRouter extends Router {
  /** The channels that this router serves. */
  readonly pubsub: PubSub
  readonly #mounts: StreamMiddleware[] = []
  readonly #runs: Runs[] = []
  #app: Context['app'] | undefined
  readonly #early: unknown[] = []

  /** @throws TypeError or RangeError for options that cannot be used. */
  constructor({ plugin, maxLog, maxReplay, coalesce, ...options }: SseRouterOptions = {}) {
    super(options)
    const onError = (error: unknown) => this.#report(error)
    this.pubsub = new PubSub({ plugin, maxLog, maxReplay, coalesce, onError })
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
    return this.#mount(path, ['GET'], pubSub(this.pubsub, options))
  }

  /**
   * Mounts `publisher(this.pubsub, options)` at a path, for POST.
   * @throws TypeError or RangeError for options that cannot be used.
   */
  publisher(path: string, options: PublisherOptions = {}): this {
    this.register(path, ['POST'], this.#knowingApp(publisher(this.pubsub, options)))
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
   * @throws TypeError if it is not clear which mount is meant, or for a key that cannot be one; an HTTP error 503 past `maxRuns`; what
   * the source's function throws.
   */
  async begin(ctx: Context, key = '', path?: string): Promise<void> {
    await this.#runsAt('begin', path).begin(key, ctx)
  }

  /**
   * Ends the shared run of a key for all who watch it, in every process: of the mount at `path`, which may be left out where one mount
   * only is shared.
   * @throws TypeError if it is not clear which mount is meant, or for a key that cannot be one.
   */
  async cancel(key = '', path?: string): Promise<void> {
    await this.#runsAt('cancel', path).cancel(key)
  }

  /** The shared runs that this process runs or watches. */
  stats(): { readonly runs: readonly RunStats[] } {
    return { runs: this.#runs.flatMap(runs => runs.stats()) }
  }

  /** Ends the streams whose context a predicate picks: of a user who lost access, say. Resolves to their number. */
  async disconnect(predicate: (ctx: Context) => boolean): Promise<number> {
    const counts = await Promise.all(this.#mounts.map(mount => mount.disconnect(predicate)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Ends every stream of this router, and those that are still asked for. Then `server.close()` can return. */
  async close(): Promise<void> {
    try {
      await Promise.all(this.#mounts.map(mount => mount.close()))
    } finally {
      await this.pubsub.close()
    }
  }

  #place(path: string): RunPlace {
    const added = (runs: Runs) => {
      const isTaken = this.#runs.some(({ mount }) => mount === runs.mount)
      if (isTaken)
        throw new TypeError(`There is a shared source at ${runs.mount} already: its runs are known by that path`)
      this.#runs.push(runs)
    }
    return { path: this.#fullPath(path), pubsub: this.pubsub, added }
  }

  #runsAt(asker: string, path: string | undefined): Runs {
    const [runs, ...others] = this.#runs.filter(({ mount }) => path === undefined || mount === this.#fullPath(path))
    if (runs && others.length === 0) return runs
    const paths = this.#runs.map(({ mount }) => mount).join(', ')
    throw new TypeError(`${asker} needs the path of a shared mount${paths && `: one of ${paths}`}`)
  }

  #fullPath(path: string): string {
    return `${this.opts.prefix ?? ''}${path}`
  }

  #mount(path: string, methods: readonly string[] = ['GET'], middleware: StreamMiddleware): this {
    this.#mounts.push(middleware)
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
