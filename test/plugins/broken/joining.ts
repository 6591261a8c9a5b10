import { setImmediate } from 'node:timers/promises'
import { broken, type Faults } from './breaking.js'

const both = 'who subscribes and then reads has everything once, while others publish'

export const joining: Faults = {
  'drops what arrives while it reads': {
    plugin: broken(inner => {
      let reads = 0
      return {
        subscribe: (channel, deliver, lost) => inner.subscribe(channel, entry => reads > 0 || deliver(entry), lost),
        async read(channel, after, limit) {
          reads += 1
          const result = await inner.read(channel, after, limit)
          for (let turn = 0; turn < 3; turn += 1) await setImmediate()
          reads -= 1
          return result
        },
      }
    }),
    fails: both,
  },
  'reads a top that is newer than the entries': {
    plugin: broken(inner => ({
      async read(channel, after, limit) {
        const result = await inner.read(channel, after, limit)
        for (let turn = 0; turn < 3; turn += 1) await setImmediate()
        const { top } = await inner.read(channel, undefined, 0)
        return { ...result, top }
      },
    })),
    fails: both,
  },
}
