import mittModule from 'mitt'
import { SseError } from '../../src/errors.js'
import type { Message } from '../../src/event.js'
import type { Entry, Plugin } from '../../src/plugin.js'
import type { Position } from '../../src/position.js'
import { randomTag } from '../../src/tags.js'
import { History, type HistoryLimits } from './history.js'
import { LocalRuns } from './runs.js'

export type { HistoryLimits } from './history.js'

// mitt's types describe a CommonJS module; under Node's resolution its default export is the function itself.
const mitt = mittModule as unknown as typeof mittModule.default

/** Options of `mittPlugin`. */
export interface MittOptions {
  /** What each channel keeps for clients that come back. */
  history?: HistoryLimits | undefined
}

/**
 * Carries channels within one process, no server needed: the default of `SseRouter` and `PubSub`.
 * @throws TypeError or RangeError for limits that cannot be used.
 */
export function mittPlugin({ history = {} }: MittOptions = {}): Plugin {
  const limits = checkedLimits(history)
  const emitter = mitt<Record<string, Entry>>()
  const histories = new Map<string, History>()
  const runs = new LocalRuns({
    begin: (channel, count) => {
      histories.delete(channel)
      return historyOf(channel, { ...limits, count, age: Number.POSITIVE_INFINITY }).top
    },
    top: channel => historyOf(channel).top,
    publish: (channel, message) => publish(channel, message),
    drop: channel => histories.delete(channel),
  })
  const outgoing: { event: string; entry: Entry }[] = []
  let emitting = false
  let forgetting: NodeJS.Timeout | undefined
  let closed = false

  const over = () => new SseError('ERR_SSE_PLUGIN_CLOSED', 'The mitt plugin is closed: make a new one')

  const historyOf = (channel: string, bounds = limits) => {
    if (closed) throw over()
    let known = histories.get(channel)
    if (!known) {
      const root: Position = { epoch: randomTag() + randomTag(), offset: 0, parent: randomTag(), tag: randomTag() }
      known = new History(root, bounds)
      histories.set(channel, known)
      forgetting ??= setInterval(forget, limits.age).unref()
    }
    return known
  }

  // Channels that nobody listens to and whose entries are all too old.
  const forget = () => {
    const oldest = performance.now() - limits.age
    for (const [channel, { touched }] of histories) {
      if (touched <= oldest && !runs.has(channel) && !emitter.all.has(eventOf(channel))) histories.delete(channel)
    }
    if (histories.size > 0) return
    clearInterval(forgetting)
    forgetting = undefined
  }

  // In order even where a listener publishes: what it publishes waits until all have what it listened to.
  const emitAll = () => {
    if (emitting) return
    emitting = true
    try {
      for (let next = outgoing.shift(); next; next = outgoing.shift()) emitter.emit(next.event, next.entry)
    } finally {
      emitting = false
    }
  }

  const publish = async (channel: string, message: Message) => {
    const kept = historyOf(channel)
    const { epoch, offset, tag: parent } = kept.top
    const position = { epoch, offset: offset + 1, parent, tag: randomTag() }
    const entry = { position, message }
    kept.add(entry)
    outgoing.push({ event: eventOf(channel), entry })
    emitAll()
    return position
  }

  return {
    name: 'mitt',
    publish,
    runs,
    async subscribe(channel, deliver) {
      const event = eventOf(channel)
      historyOf(channel)
      const listener = (entry: Entry) => deliver(entry) // mitt takes away a function, not one subscription of it
      emitter.on(event, listener)
      return () => {
        emitter.off(event, listener)
        if (emitter.all.get(event)?.length !== 0) return
        emitter.all.delete(event) // mitt keeps an empty list for every name
        historyOf(channel).touched = performance.now()
      }
    },
    async read(channel, after, limit) {
      const isNew = !histories.has(channel)
      const kept = historyOf(channel)
      if (after && isNew) return { ok: false, reason: 'absent', top: kept.top }
      return kept.after(after, limit)
    },
    async find(channel, id) {
      return histories.get(channel)?.find(id)
    },
    health: () =>
      closed ? { publishing: false, receiving: false, error: over() } : { publishing: true, receiving: true },
    async close() {
      closed = true
      runs.close()
      clearInterval(forgetting)
      forgetting = undefined
      emitter.all.clear()
      histories.clear()
    },
  }
}

// A name of its own kind: mitt takes '*' for all events.
const eventOf = (channel: string) => `channel ${channel}`

function checkedLimits({ count = 1_000, size = 1_048_576, age = 300_000 }: HistoryLimits) {
  for (const [name, value] of Object.entries({ count, size, age })) {
    if (typeof value !== 'number') throw new TypeError(`history.${name} must be a number, not ${typeof value}`)
    if (!(value >= (name === 'age' ? 1 : 0)) || (name === 'age' && value > 2 ** 31 - 1)) {
      throw new RangeError(
        `history.${name} must be ${name === 'age' ? 'milliseconds from 1 to 2147483647' : '0 or more'}, not ${value}`,
      )
    }
  }
  return { count, size, age }
}
