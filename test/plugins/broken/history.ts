import { broken, type Faults, reading, withAllEntries, withoutFalsyId } from './breaking.js'

const both = 'who subscribes and then reads has everything once, while others publish'
const exact = 'read after an older position gives exactly what followed, oldest first'
const kept = 'a channel keeps as many events as it is told, and who has all but those gets them'

export const history: Faults = {
  'reads all that it has without a position': {
    plugin: withAllEntries((entries, result, after) =>
      after === undefined ? { ...result, ok: true, entries } : result,
    ),
    fails: 'read without a position gives the newest one and no entries',
  },
  'makes a new history for each read of an unused channel': {
    plugin: broken(inner => {
      const known = new Set<string>()
      const isFirst = (channel: string) => known.size < known.add(channel).size
      return {
        async read(channel, after, limit) {
          const result = await inner.read(channel, after, limit)
          if (after || result.top.offset > 0 || isFirst(channel)) return result
          return { ...result, top: { ...result.top, epoch: 'another' } }
        },
      }
    }),
    fails: 'a channel that was never used has a position too, and keeps it',
  },
  'keeps only what somebody was subscribed to': {
    plugin: broken(inner => {
      let unheard = 0
      let subscribed = false
      return {
        async publish(channel, message) {
          const position = await inner.publish(channel, message)
          if (!subscribed) unheard = position.offset
          return position
        },
        subscribe(channel, deliver, lost) {
          subscribed = true
          return inner.subscribe(channel, deliver, lost)
        },
        async read(channel, after, limit) {
          const result = await inner.read(channel, after, limit)
          if (!result.ok || !subscribed) return result
          return { ...result, entries: result.entries.filter(({ position }) => position.offset > unheard) }
        },
      }
    }),
    fails: 'events are kept for later when nobody is subscribed',
    also: [both],
  },
  'reads the newest event after itself': {
    plugin: withAllEntries((entries, result, after) =>
      result.ok && after?.tag === result.top.tag ? { ...result, entries: entries.slice(-1) } : result,
    ),
    fails: 'read after the newest position gives nothing',
  },
  'reads one event too few': {
    plugin: reading(result => (result.ok ? { ...result, entries: result.entries.slice(1) } : result)),
    fails: exact,
    also: [both, kept],
  },
  'reads newest first': {
    plugin: reading(result => (result.ok ? { ...result, entries: result.entries.toReversed() } : result)),
    fails: exact,
    also: [both, 'data, event, id and retry are read as they were published', kept],
  },
  'reads the position asked for as the newest': {
    plugin: reading((result, after) => (result.ok && after ? { ...result, top: after } : result)),
    fails: 'read gives the newest position along with what followed',
    also: [both],
  },
  'reads no id that is falsy': {
    plugin: reading(result => {
      if (!result.ok) return result
      const entries = result.entries.map(({ position, message }) => ({ position, message: withoutFalsyId(message) }))
      return { ...result, entries }
    }),
    fails: 'data, event, id and retry are read as they were published',
  },
  'finds the oldest event with an id': {
    plugin: withAllEntries(
      (_, result) => result,
      (entries, id) => entries.find(({ message }) => message.id === id)?.position,
    ),
    fails: 'find gives the position of the newest event with an id, where the plugin has find',
  },
  'finds events without an id': {
    plugin: withAllEntries(
      (_, result) => result,
      (entries, id) => entries.findLast(({ message }) => String(message.id) === id)?.position,
    ),
    fails: 'find gives nothing for an id of no event, or of another channel',
  },
}
