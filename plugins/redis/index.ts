import type { Cluster, Redis } from 'ioredis'
import { knownNames, MAX_TIMEOUT, positive, wrong } from '../../src/checks.js'
import { SseError } from '../../src/errors.js'
import type { Entry, Plugin, ReadResult, ResetReason } from '../../src/plugin.js'
import { formatPosition, type Position, parsePosition } from '../../src/position.js'
import { RUN } from '../../src/run-store.js'
import { randomTag } from '../../src/tags.js'
import { attempt } from '../ioredis/attempt.js'
import { Connection } from '../ioredis/connection.js'
import { Passing, uncertain } from '../ioredis/failure.js'
import { CONNECTION_OPTIONS, type RedisConnectionOptions } from '../ioredis/options.js'
import { ServerClock } from './clock.js'
import { Keys } from './keys.js'
import { decodeEntry, decodePayload, encodePayload } from './payload.js'
import { RedisRuns } from './runs.js'
import { ADD, FIND, READ } from './scripts.js'
import { Verification } from './verification.js'

export type { RedisConnectionOptions } from '../ioredis/options.js'

/** What a channel keeps in Redis. */
export interface RedisHistoryOptions {
  /**
   * Most entries.
   * @default 1_000
   */
  count?: number | undefined
  /**
   * Milliseconds that an entry is kept.
   * @default 300_000
   */
  age?: number | undefined
}

/** Options of `redisPlugin`. */
export interface RedisPluginOptions extends RedisConnectionOptions {
  /**
   * Put before the names of all keys and Pub/Sub channels. Apps that share a Redis and not their channels each take their own.
   * @default 'eventfeed:'
   */
  prefix?: string | undefined
  /** What each channel keeps for clients that come back. */
  history?: RedisHistoryOptions | undefined
  /**
   * Milliseconds of silence after which it is checked that nothing was missed on a channel.
   * @default 30_000
   */
  verify?: number | undefined
}

/** Milliseconds by which two commands may take a different time to get there. */
const SLACK = 2_000

/** Seconds after which a channel is forgotten on which nobody publishes: its epoch, which tells who comes back that nothing was missed. */
const KEPT = 86_400
const KEPT_UNUSED = 3_600

/** Milliseconds: the events of a run are kept while the run is. */
const EVER = 1e14

/**
 * Carries channels between processes and machines, over Redis 7 or later: durable, with history and resume. Connects when it is used.
 * @throws TypeError or RangeError for options that cannot be used; or that do not say where Redis is, where the environment does not
 * either.
 */
export function redisPlugin(options: RedisPluginOptions = {}): Plugin {
  knownNames('redisPlugin', [...CONNECTION_OPTIONS, 'prefix', 'history', 'verify'], options)
  const { prefix = 'eventfeed:', history = {}, verify = 30_000 } = options
  const { count, age } = checkedHistory(history)
  const clock = new ServerClock()
  const probe = async (client: Redis | Cluster) => {
    const [seconds, micros] = await client.time()
    clock.heard(Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000))
  }
  const change = (client: Redis | Cluster) => client.set(`${prefix}health`, '1', 'PX', 60_000)
  const connection = new Connection(options, { plugin: 'redis', kind: 'sharded', probe, change })
  const { commands, receiver, timeout } = connection
  const { client } = commands
  const keys = new Keys(prefix, client)
  const kept = Math.max(KEPT, Math.ceil((age * 2) / 1_000))
  const harmless = { timeout, changes: false, repeatable: true }
  const keptOf = (channel: string) => (channel.startsWith(RUN) ? 0 : kept) // who holds a run says how long it is kept
  const ageOf = (channel: string) => (channel.startsWith(RUN) ? EVER : age)

  const load = () => {
    for (const script of client.isCluster ? [] : [ADD, READ, FIND]) void script.load(client as Redis)
  }
  commands.watch(load, () => {})

  const read = async (channel: string, after: Position | undefined, limit: number): Promise<ReadResult> => {
    const { epoch = '', offset = 0, tag = '' } = after ?? {}
    const values = [epoch, offset, tag, limit, newEpoch(), newEpoch(), ageOf(channel), keptOf(channel), KEPT_UNUSED]
    const run = async () => {
      try {
        return await connection.noting(READ.run(client, keys.of(channel), values))
      } catch (error) {
        const { message } = error as Error
        if (/^(MISCONF|OOM)/.test(message)) throw new Passing(message, { cause: error })
        throw error
      }
    }
    const [status, top, entries] = (await attempt(commands, harmless, run)) as ReadAnswer
    if (status !== 'ok') return { ok: false, reason: status, top: positionOf(top) }
    const entryOf = (raw: RawEntry) => {
      const entry = decodeRaw(epoch, raw)
      if (!entry) connection.failed(notAnEvent(channel))
      return entry ?? []
    }
    return { ok: true, top: positionOf(top), entries: entries.flatMap(entryOf) }
  }

  const verification = new Verification({
    interval: positive('verify', verify, MAX_TIMEOUT),
    top: async channel => formatPosition((await read(channel, undefined, 0)).top),
    starved: channel => receiver.renew(keys.channel(channel)),
  })

  return {
    name: 'redis',
    publish(channel, message) {
      const data = encodePayload(message)
      const tag = randomTag()
      const epoch = newEpoch()
      const used = [...keys.of(channel), keys.tries(channel, epoch + tag)]
      const always = [
        data,
        message.id ?? '',
        tag,
        epoch,
        newEpoch(),
        count,
        age,
        kept,
        keys.command,
        keys.channel(channel),
      ]
      let tries = 0
      return connection.noting(
        attempt(commands, { timeout, changes: true, repeatable: true }, async ({ since, left }) => {
          tries += 1
          const before = since === undefined ? -1 : Math.ceil(since) + SLACK
          const values = [...always, clock.in(left), before, tries, timeout + SLACK]
          const [status, position, now] = (await ADD.run(client, used, values)) as AddAnswer
          clock.heard(Number(now))
          if (status === 'late') throw new Passing('it took too long') // or the clocks differ, and now that is known
          if (status === 'uncertain') throw uncertain()
          return positionOf(position)
        }),
      )
    },
    async subscribe(channel, deliver, lost) {
      const message = (text: string) => {
        const entry = decodeEntry(text)
        if (!entry) return connection.failed(notAnEvent(channel))
        verification.heard(channel, text.slice(0, text.search(/[ \n]/)))
        deliver(entry)
      }
      const listener = { message, lost }
      await receiver.add(keys.channel(channel), listener)
      verification.add(channel, lost)
      return () => {
        verification.remove(channel, lost)
        receiver.remove(keys.channel(channel), listener)
      }
    },
    read,
    async find(channel, id) {
      const run = () => FIND.run(client, keys.of(channel), [id, ageOf(channel)])
      const position = (await attempt(commands, harmless, run)) as string | null
      return position === null ? undefined : positionOf(position)
    },
    runs: new RedisRuns({
      keys,
      positionOf,
      run: (script, used, values) => attempt(commands, harmless, () => script.run(client, used, values)),
    }),
    ready: () => connection.ready(),
    health: () => connection.health(),
    watch: failed => connection.watch(failed),
    async close() {
      verification.stop()
      connection.close()
    },
  }
}

type AddAnswer = ['ok' | 'late' | 'uncertain', position: string, now: number]
type ReadAnswer = ['ok' | ResetReason, top: string, entries: RawEntry[]]
type RawEntry = [id: string, fields: [_: string, link: string, _?: string, payload?: string]]

const newEpoch = () => randomTag() + randomTag()

function positionOf(text: string): Position {
  const position = parsePosition(text)
  if (!position)
    throw new SseError('ERR_SSE_REFUSED', 'The keys of this channel in Redis were written by something else')
  return position
}

// Undefined if something else has added it to the history.
function decodeRaw(epoch: string, [id, [, link, , payload]]: RawEntry): Entry | undefined {
  const position = parsePosition(`${epoch}.${id.slice(0, id.indexOf('-'))}.${link}`)
  return position && payload !== undefined ? { position, message: decodePayload(payload) } : undefined
}

function notAnEvent(channel: string): SseError {
  return new SseError('ERR_SSE_MESSAGE', `What was received on channel '${channel}' is no event: it was left out`)
}

function checkedHistory(history: RedisHistoryOptions): { count: number; age: number } {
  if (typeof history !== 'object' || history === null) throw wrong('history', 'an object', history)
  const unknown = Object.keys(history).find(name => !['count', 'age'].includes(name))
  if (unknown !== undefined) throw new TypeError(`history has no option '${unknown}': it takes count, age`)
  const { count = 1_000, age = 300_000 } = history
  if (typeof count !== 'number') throw wrong('history.count', 'a number', count)
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`history.count must be 0 or a positive integer, not ${count}`)
  }
  return { count, age: Math.ceil(positive('history.age', age, MAX_TIMEOUT)) }
}
