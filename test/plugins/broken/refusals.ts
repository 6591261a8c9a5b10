import type { Position } from 'koa-eventfeed'
import { mittPlugin } from '../../../plugins/mitt/index.js'
import { broken, type Faults, reading } from './breaking.js'

const kept = 'a channel keeps as many events as it is told, and who has all but those gets them'

const nothing = (top: Position) => ({ ok: true, entries: [], top }) as const

export const refusals: Faults = {
  'keeps one event less': {
    plugin: options => mittPlugin(options?.history && { history: { count: options.history.count - 1 } }),
    fails: kept,
  },
  'keeps one event more': {
    plugin: options => mittPlugin(options?.history && { history: { count: options.history.count + 1 } }),
    fails: 'who misses one event more is told "trimmed"',
  },
  'reads nothing where the history was trimmed': {
    plugin: reading(result => (!result.ok && result.reason === 'trimmed' ? nothing(result.top) : result)),
    fails: 'who misses one event more is told "trimmed"',
  },
  'reads a part where there is more than the limit': {
    plugin: broken(inner => ({
      async read(channel, after, limit) {
        const result = await inner.read(channel, after, 1_000)
        return result.ok ? { ...result, entries: result.entries.slice(0, limit) } : result
      },
    })),
    fails: 'who misses more than the limit is told "limit", and never gets a part',
  },
  'does not look at the epoch': {
    plugin: broken(inner => ({
      async read(channel, after, limit) {
        const { top } = await inner.read(channel, undefined, 0)
        return inner.read(channel, after && top.offset > 0 ? { ...after, epoch: top.epoch } : after, limit)
      },
    })),
    fails: 'a position of another epoch is answered "epoch"',
  },
  'reads nothing where there is no channel': {
    plugin: reading(result => (result.top.offset === 0 ? nothing(result.top) : result)),
    fails: 'a position in a channel that was never used is answered "absent" or "epoch"',
  },
  'reads nothing ahead of the newest': {
    plugin: reading(result => (!result.ok && result.reason === 'rollback' ? nothing(result.top) : result)),
    fails: 'a position ahead of the newest is answered "rollback"',
  },
  'does not look at the tag': {
    plugin: reading(result => (!result.ok && result.reason === 'fork' ? nothing(result.top) : result)),
    fails: 'a position with another tag than the event at its place is answered "fork"',
  },
  'refuses without the newest position': {
    plugin: reading((result, after) => (!result.ok && after ? { ...result, top: after } : result)),
    fails: 'who is refused is told the newest position',
  },
}
