import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { Activity } from './activity.js'
import { faultOf } from './names.js'
import type { Position } from './position.js'
import type { PubSub } from './pubsub.js'
import { Run, type RunHost, TooManyRuns, type Viewer } from './run.js'
import { RUN, type RunStore, type Standing } from './run-store.js'
import type { ShareSettings } from './share.js'
import type { SharedRequest, Values } from './source.js'

/** A run, as `stats()` shows it. */
export interface RunStats {
  /** The path of its mount; empty for a mount without a router. */
  readonly mount: string
  /** What `share` returned; empty for `share: true`. */
  readonly key: string
  /** How many watch it in this process. */
  readonly viewers: number
  /** Milliseconds since it began, as far as this process knows. */
  readonly age: number
  /** How many events it has had. */
  readonly events: number
  /** Whether this process runs its source. */
  readonly holder: boolean
}

/** The runs of one mount, as this process has them. */
export class Runs {
  readonly mount: string
  readonly settings: ShareSettings
  readonly #runs = new Map<string, Run>()
  readonly #alive = new Set<Run>()
  readonly #host: RunHost
  readonly #activity: Activity
  #changed = () => {}

  constructor(
    mount: string,
    settings: ShareSettings,
    pubsub: PubSub,
    open: (request: SharedRequest) => Values | Promise<Values>,
    activity: Activity,
  ) {
    this.mount = mount
    this.settings = settings
    this.#activity = activity
    this.#host = {
      settings,
      store: pubsub.runStore as RunStore,
      holder: randomBytes(9).toString('base64url'),
      open,
      idAt: (channel: string, position: Position) => pubsub.idAt(channel, position),
      reserve: run => this.#alive.size < settings.maxRuns && this.#alive.add(run) !== undefined,
      adopt: run => this.#alive.add(run),
      release: run => this.#release(run),
      failed: (error, ctx) => {
        activity.fail({ error, path: mount })
        ctx.app.emit('error', error, ctx)
      },
      emptied: run => this.#emptied(run),
    }
  }

  /** The key of the run that a request asks for. Rejects with what `share` throws. */
  async keyOf(ctx: Context): Promise<string> {
    const key = await this.settings.key(ctx)
    if (typeof key !== 'string') throw new TypeError(`share must return a text, not ${typeof key}`)
    if (key !== '' && faultOf(key) !== undefined) ctx.throw(400, 'There is no such run') // keys come from URLs
    return key
  }

  /** Lets a viewer into the run of a key: at once, so that there are not two. */
  enter(key: string, viewer: Viewer): { run: Run; standing: Promise<Standing> } {
    const run = this.#current(key)
    return { run, standing: run.enter(viewer) }
  }

  /** Begins the run of a key before anyone watches it. Past `maxRuns` it throws 503. */
  async begin(key: string, ctx: Context): Promise<void> {
    try {
      await this.#current(checkKey(key)).begin(ctx)
    } catch (error) {
      if (!(error instanceof TooManyRuns)) throw error
      this.#activity.refuse(ctx, 'runs', 503)
      ctx.throw(503, 'Too many runs are alive: try again later', { headers: { 'Retry-After': '10' } })
    }
  }

  /** Ends a run for all who watch it, in every process. */
  async cancel(key: string): Promise<void> {
    await (this.#runs.get(key) ?? this.#make(checkKey(key))).cancel()
  }

  stats(): RunStats[] {
    return [...this.#runs.values()].map(({ key, viewers, age, events, isHere }) => {
      return { mount: this.mount, key, viewers, age: Math.round(age), events, holder: isHere }
    })
  }

  /** Whether who watches a run sees its end here or nowhere. */
  get areLastHere(): boolean {
    return this.settings.detached && this.#host.store.isLocal === true
  }

  /**
   * Resolves once no run is alive here that goes on whoever watches, or after so many milliseconds. Those that only this process has
   * are to be watched to their end too.
   */
  async finished(within: number): Promise<void> {
    if (!this.settings.detached || this.#areFinished) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, within)
      const others = this.#changed
      this.#changed = () => {
        others()
        if (!this.#areFinished) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(run => run.close()))
  }

  get #areFinished(): boolean {
    return this.#alive.size === 0 && (!this.areLastHere || this.#runs.size === 0)
  }

  #release(run: Run): void {
    if (this.#alive.delete(run)) this.#changed()
  }

  #emptied(run: Run): void {
    if (this.#runs.get(run.key) === run) this.#runs.delete(run.key)
    this.#changed()
  }

  // Who still reads the end of a run that is over must not hold up, nor begin, the next.
  #current(key: string): Run {
    const known = this.#runs.get(key)
    if (known && !known.isOver) return known
    const run = this.#make(key)
    this.#runs.set(key, run)
    return run
  }

  #make(key: string): Run {
    return new Run(key, `${RUN}${this.mount} ${key}`, this.#host)
  }
}

function checkKey(key: string): string {
  const isKey = key === '' || faultOf(key) === undefined
  if (!isKey) throw new TypeError('The key of a run is a text of at most 256 characters, without control characters')
  return key
}
