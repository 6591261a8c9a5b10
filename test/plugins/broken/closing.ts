import { broken, type Faults } from './breaking.js'

/** What keeps the process alive of plugins with that fault. */
export const leaks: NodeJS.Timeout[] = []

export const closing: Faults = {
  'throws at a second close': {
    plugin: broken(inner => {
      let closed = false
      return {
        async close() {
          if (closed) throw new Error('It is closed')
          closed = true
          await inner.close()
        },
      }
    }),
    fails: 'close twice is harmless',
  },
  'swallows what is published after close': {
    plugin: broken(inner => ({
      publish: (channel, message) =>
        inner.publish(channel, message).catch(() => ({ epoch: 'e', offset: 1, parent: 'none', tag: 'none' })),
    })),
    fails: 'publish after close rejects',
  },
  'subscribes to nothing after close': {
    plugin: broken(inner => ({
      subscribe: (channel, deliver, lost) => inner.subscribe(channel, deliver, lost).catch(() => () => {}),
    })),
    fails: 'subscribe after close rejects',
  },
  'reads nothing after close': {
    plugin: broken(inner => {
      const top = { epoch: 'e', offset: 0, parent: 'none', tag: 'none' }
      return {
        read: (...args) => inner.read(...args).catch(() => ({ ok: true, entries: [], top })),
      }
    }),
    fails: 'read after close rejects',
  },
  'throws at unsubscribe after close': {
    plugin: broken(inner => {
      let closed = false
      return {
        async subscribe(channel, deliver, lost) {
          const unsubscribe = await inner.subscribe(channel, deliver, lost)
          return () => {
            if (closed) throw new Error('It is closed')
            return unsubscribe()
          }
        },
        async close() {
          closed = true
          await inner.close()
        },
      }
    }),
    fails: 'unsubscribe after close is harmless',
  },
  'leaves a timer running': {
    plugin: broken(() => {
      // Many: a timer of somebody else's may end meanwhile, and would make up for one.
      for (let n = 0; n < 20; n++) leaks.push(setInterval(() => {}, 1_000_000))
      return {}
    }),
    fails: 'nothing keeps the process alive after close',
  },
}
