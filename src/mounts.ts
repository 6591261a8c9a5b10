import type { Context } from 'koa'
import type { Connection } from './connection.js'
import type { Mount } from './mount.js'
import type { RunStats, Runs } from './runs.js'
import { endOver } from './spread.js'
import type { Pick, Streams } from './streams.js'

/** Milliseconds of the time to close that are left for clients that read slowly. */
const REST = 1_000

/** The mounts of a router as one: their streams, and their shared runs. */
export class Mounts {
  readonly #mounts: Mount[] = []
  readonly #runs: Runs[] = []

  add(mount: Mount): void {
    this.#mounts.push(mount)
  }

  /** @throws TypeError if there are runs that are known by the same path. */
  addRuns(runs: Runs): void {
    const isTaken = this.#runs.some(({ mount }) => mount === runs.mount)
    if (isTaken)
      throw new TypeError(`There is a shared source at ${runs.mount} already: its runs are known by that path`)
    this.#runs.push(runs)
  }

  /** The streams of each. */
  get streams(): readonly Streams[] {
    return this.#mounts.map(({ streams }) => streams)
  }

  get connections(): readonly Connection[] {
    return this.streams.flatMap(streams => [...streams])
  }

  /** The streams that are to end. */
  pick(isMeant: Pick): Connection[] {
    return this.streams.flatMap(streams => streams.pick(isMeant))
  }

  /** Ends the streams whose context a predicate picks. Resolves to their number. */
  async disconnect(predicate: (ctx: Context) => boolean): Promise<number> {
    const counts = await Promise.all(this.#mounts.map(mount => mount.disconnect(predicate)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  runStats(): RunStats[] {
    return this.#runs.flatMap(runs => runs.stats())
  }

  /**
   * The runs of the mount at a path, which may be left out where one mount only is shared.
   * @throws TypeError if it is not clear which is meant.
   */
  runsAt(path: string | undefined, asker: string): Runs {
    const [runs, ...others] = this.#runs.filter(({ mount }) => path === undefined || mount === path)
    if (runs && others.length === 0) return runs
    const paths = this.#runs.map(({ mount }) => mount).join(', ')
    throw new TypeError(`${asker} needs the path of a shared mount${paths && `: one of ${paths}`}`)
  }

  /**
   * Ends all streams, spread over so many milliseconds, and then what they have in common. Those that could not see the end of a
   * run elsewhere are left to see it.
   */
  async close(within: number): Promise<void> {
    if (within > 0) await this.#drain(within)
    await Promise.all(this.#mounts.map(mount => mount.close()))
  }

  async #drain(within: number): Promise<void> {
    for (const mount of this.#mounts) mount.stop()
    const spread = Math.max(within - REST, within / 2)
    const leaving = this.#mounts.flatMap(({ common, streams }) => (common.areLastHere ? [] : [streams]))
    const open = leaving.flatMap(streams => [...streams])
    // Their clients may all have left before the time is over.
    const gone = Promise.all(leaving.map(streams => streams.gone()))
    const ended = Promise.race([endOver(spread, open, 'closed'), gone])
    await Promise.all([ended, ...this.#mounts.map(({ common }) => common.finished(spread))])
  }
}
