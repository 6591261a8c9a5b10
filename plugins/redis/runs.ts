import type { Message } from '../../src/event.js'
import type { Position } from '../../src/position.js'
import type { Claim, RunStore, Standing } from '../../src/run-store.js'
import { randomTag } from '../../src/tags.js'
import type { Keys } from './keys.js'
import { encodePayload } from './payload.js'
import { CLAIM, FINISH, RESTART, RUN_ADD } from './run-scripts.js'
import type { Script } from './scripts.js'

/** Seconds for which a run is kept of which nobody renews anything. */
const KEPT = 86_400

export interface RedisRunsSettings {
  readonly keys: Keys
  /** Runs a script until it is answered or the time is up: all of these can be run twice. */
  run(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown>
  positionOf(text: string): Position
}

type ClaimAnswer = [
  status: Standing['status'],
  token: string,
  start: string,
  top: string,
  isNew: number,
  others: number,
]

/** Where runs stand, for all processes that use a Redis. */
export class RedisRuns implements RunStore {
  readonly #settings: RedisRunsSettings
  /** The tag of what was tried to be published last: who tries it again uses the same. */
  readonly #tags = new WeakMap<Message, string>()

  constructor(settings: RedisRunsSettings) {
    this.#settings = settings
  }

  async claim(channel: string, { holder, lease, watching, begin, force = false }: Claim): Promise<Standing> {
    const { run, positionOf } = this.#settings
    const flags = [watching, force].map(Number)
    const values = [holder, Math.ceil(lease), ...flags, epoch(), epoch(), KEPT, Number(begin)]
    const answer = (await run(CLAIM, this.#keysOf(channel), values)) as ClaimAnswer
    const [status, token, start, top, isNew, others] = answer
    return {
      status,
      token: Number(token),
      start: positionOf(start),
      top: positionOf(top),
      isNew: Number(isNew) === 1,
      others: Number(others),
    }
  }

  async publish(
    channel: string,
    message: Message,
    token: number,
    after: Position,
    count: number,
  ): Promise<Position | undefined> {
    const { keys, run, positionOf } = this.#settings
    const tag = this.#tags.get(message) ?? randomTag()
    this.#tags.set(message, tag)
    const values = [
      token,
      encodePayload(message),
      message.id ?? '',
      tag,
      count,
      keys.command,
      keys.channel(channel),
      KEPT,
      after.offset,
    ]
    const position = (await run(RUN_ADD, this.#keysOf(channel), values)) as string | null
    return position === null ? undefined : positionOf(position)
  }

  async restart(channel: string, token: number): Promise<Position | undefined> {
    const { run, positionOf } = this.#settings
    const start = (await run(RESTART, this.#keysOf(channel), [token, epoch(), epoch(), KEPT])) as string | null
    return start === null ? undefined : positionOf(start)
  }

  async finish(channel: string, token: number, keep: number): Promise<void> {
    await this.#settings.run(FINISH, this.#keysOf(channel), [token, Math.ceil(keep)])
  }

  #keysOf(channel: string): string[] {
    const [meta, log] = this.#settings.keys.of(channel)
    return [meta, log, meta.replace(/meta$/, 'run'), meta.replace(/meta$/, 'viewers')]
  }
}

const epoch = () => randomTag() + randomTag()
