import { isOutage, SseError } from './errors.js'
import { isMessage } from './event.js'
import { Log } from './log.js'
import type { Entry, Plugin, ReadResult, ResetReason, Unsubscribe } from './plugin.js'
import { follows, idOf, type Position } from './position.js'

/** Milliseconds after which a read that failed is tried again. */
const RETRY = 1_000

export interface ReplicaSettings {
  /** Bytes of encoded events that are held for followers that are behind. */
  readonly maxLog: number
  /** Most events that are read at once. */
  readonly maxReplay: number
}

export interface ReplicaHooks {
  /** The log has gone on. */
  appended(): void
  /** The log begins anew at a position that does not follow. */
  restarted(now: Position, reason: ResetReason): void
  failed(error: unknown): void
}

/**
 * The end of one channel, as this process has it: one subscription with the plugin, and a log in which every entry follows the one
 * before.
 *
 * What is received counts only if it follows what is held; anything else is read again from there. So no loss, doubling or
 * disorder between processes gets into the log.
 */
export class Replica {
  readonly #channel: string
  readonly #plugin: Plugin
  readonly #settings: ReplicaSettings
  readonly #hooks: ReplicaHooks
  #log: Log | undefined
  #unsubscribe: Promise<Unsubscribe> | undefined
  #syncing: Promise<void> | undefined
  #received: Entry[] | undefined
  #stale = false
  #closed = false
  #lineage = 0
  #retryTimer: NodeJS.Timeout | undefined
  /** What the last read failed with: tried every second, it is told once. */
  #failure: string | undefined

  constructor(channel: string, plugin: Plugin, settings: ReplicaSettings, hooks: ReplicaHooks) {
    this.#channel = channel
    this.#plugin = plugin
    this.#settings = settings
    this.#hooks = hooks
  }

  /** Undefined until it was read for the first time. */
  get log(): Log | undefined {
    return this.#log
  }

  /** How often the log has begun anew. */
  get lineage(): number {
    return this.#lineage
  }

  /** The log, once no read of it is under way. */
  async synced(): Promise<Log> {
    while (!this.#log || this.#syncing) await (this.#syncing ?? this.resync())
    return this.#log
  }

  /** Reads again what may have been missed. A read that is under way does not do: it may have been answered before. */
  resync(): Promise<void> {
    this.#stale = true
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined
      if (this.#stale) this.#resyncOrReport()
    })
    return this.#syncing
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retryTimer)
    this.#unsubscribe?.then(
      async unsubscribe => {
        try {
          await unsubscribe()
        } catch (error) {
          this.#report(error)
        }
      },
      () => {}, // who waits for it has been told
    )
  }

  // R1, R3: the subscription is acknowledged before the first read; what was received before a read is in it, or is discarded.
  async #sync(): Promise<void> {
    this.#stale = false
    await this.#subscribed()
    let received: Entry[] = []
    do {
      this.#stale = false
      this.#received = []
      try {
        this.#take(await this.#plugin.read(this.#channel, this.#log?.top, this.#settings.maxReplay))
      } catch (error) {
        this.#salvage(this.#received)
        throw error
      } finally {
        received = this.#received ?? []
        this.#received = undefined
      }
    } while (this.#stale || !received.every(entry => this.#accept(entry)))
    this.#failure = undefined
  }

  // A read that failed leaves what came meanwhile, as far as it follows what is held.
  #salvage(received: readonly Entry[]): void {
    this.#received = undefined
    if (this.#log) received.every(entry => this.#accept(entry))
  }

  async #subscribed(): Promise<void> {
    this.#unsubscribe ??= this.#plugin.subscribe(
      this.#channel,
      entry => this.#receive(entry),
      () => this.#resyncOrReport(),
    )
    try {
      await this.#unsubscribe
    } catch (error) {
      this.#unsubscribe = undefined
      throw error
    }
  }

  #take(result: ReadResult): void {
    if (!this.#log) this.#log = new Log(result.top, this.#settings.maxLog)
    else if (!result.ok) this.#restart(result.top, result.reason)
    else if (!result.entries.every(entry => this.#accept(entry))) this.#restart(result.top, 'fork')
  }

  #receive(entry: Entry): void {
    if (this.#received) this.#received.push(entry)
    else if (this.#log && !this.#accept(entry)) this.#resyncOrReport()
  }

  // R2: an entry counts only if it follows what is held. One that is held already is a duplicate.
  #accept(entry: Entry): boolean {
    const log = this.#log as Log
    if (!follows(entry.position, log.top)) return log.has(entry.position)
    log.append(this.isFine(entry) ? entry : { position: entry.position, message: undefined })
    this.#hooks.appended()
    return true
  }

  /** Whether an entry can be sent. What another process has published is not to be trusted, and no reason to stop. */
  isFine({ position, message }: Entry): boolean {
    if (isMessage(message)) return true
    const id = idOf(position)
    const where = `${id === undefined ? '' : `at ${id} `}of channel '${this.#channel}'`
    this.#report(new SseError('ERR_SSE_MESSAGE', `A message ${where} is not one that can be sent: it was left out`))
    return false
  }

  #restart(now: Position, reason: ResetReason): void {
    this.#log?.restart(now)
    this.#lineage += 1
    this.#hooks.restarted(now, reason)
  }

  // A channel on which nothing more is published would not notice that it lacks something: so it tries again.
  #resyncOrReport(): void {
    if (this.#closed) return
    this.resync().catch(error => {
      if (this.#failure !== String(error)) this.#report(error)
      this.#failure = String(error)
      if (!this.#closed) this.#retryTimer ??= setTimeout(() => this.#retry(), RETRY).unref()
    })
  }

  #retry(): void {
    this.#retryTimer = undefined
    this.#resyncOrReport()
  }

  #report(error: unknown): void {
    if (!isOutage(error)) this.#hooks.failed(error)
  }
}
