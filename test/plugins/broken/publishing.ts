import { setImmediate } from 'node:timers/promises'
import type { Position } from 'koa-eventfeed'
import { broken, type Faults, positioning } from './breaking.js'

export const publishing: Faults = {
  'links events to another': {
    plugin: positioning(position => (position.offset > 1 ? { ...position, parent: 'zzzz' } : position)),
    fails: 'publish resolves with positions that follow each other',
  },
  'links the first event to nothing': {
    plugin: positioning(position => (position.offset === 1 ? { ...position, parent: 'zzzz' } : position)),
    fails: 'the first event of a channel follows the position that read gave before',
  },
  'resolves publishes of one turn with the position of the last': {
    plugin: broken(inner => {
      let latest: Promise<Position>
      return {
        async publish(channel, message) {
          latest = inner.publish(channel, message)
          await setImmediate()
          return latest
        },
      }
    }),
    fails: 'events that are published at once get positions of their own, without a gap',
  },
  'makes tags that no id can hold': {
    plugin: positioning(position => ({ ...position, parent: `${position.parent}:`, tag: `${position.tag}:` })),
    fails: 'every position can be sent as the id of an event',
  },
  'makes tags of different lengths': {
    plugin: positioning(position => (position.offset === 3 ? { ...position, tag: `${position.tag}z` } : position)),
    fails: 'every position can be sent as the id of an event',
    also: ['publish resolves with positions that follow each other'],
  },
  'counts instead of making random tags': {
    plugin: positioning(position => ({
      ...position,
      parent: `t${position.offset + 100}`,
      tag: `t${position.offset + 101}`,
    })),
    fails: 'the tag of an event cannot be told from its place',
  },
}
