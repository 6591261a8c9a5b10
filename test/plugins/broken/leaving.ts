import { setImmediate } from 'node:timers/promises'
import type { Unsubscribe } from 'koa-eventfeed'
import { broken, type Deliver, emitting, type Faults } from './breaking.js'

const twice = 'unsubscribe a second time does nothing, not to another subscription of the same function either'

export const leaving: Faults = {
  'goes on delivering after unsubscribe': {
    plugin: broken(inner => ({
      async subscribe(channel, deliver, lost) {
        await inner.subscribe(channel, deliver, lost)
        return () => {}
      },
    })),
    fails: 'unsubscribe stops delivery',
  },
  'unsubscribes those who came before, too': {
    plugin: broken(inner => {
      const all: Unsubscribe[] = []
      return {
        async subscribe(channel, deliver, lost) {
          const count = all.push(await inner.subscribe(channel, deliver, lost))
          return () => {
            for (const unsubscribe of all.slice(0, count)) void unsubscribe()
          }
        },
      }
    }),
    fails: 'a subscriber that leaves takes nobody along',
  },
  'unsubscribes a function, not one subscription of it': {
    plugin: broken(inner => {
      const subscriptions = new Map<Deliver, Unsubscribe[]>()
      return {
        async subscribe(channel, deliver, lost) {
          const unsubscribe = await inner.subscribe(channel, deliver, lost)
          subscriptions.set(deliver, [...(subscriptions.get(deliver) ?? []), unsubscribe])
          return () => void subscriptions.get(deliver)?.shift()?.()
        },
      }
    }),
    fails: twice,
  },
  'throws at a second unsubscribe': {
    plugin: broken(inner => ({
      async subscribe(channel, deliver, lost) {
        let unsubscribe: Unsubscribe | undefined = await inner.subscribe(channel, deliver, lost)
        return () => {
          if (!unsubscribe) throw new Error('There is no such subscription')
          void unsubscribe()
          unsubscribe = undefined
        }
      },
    })),
    fails: twice,
  },
  'passes over the next when one leaves inside deliver': {
    plugin: emitting(async (subscribers, entry) => {
      await setImmediate()
      for (let index = 0; index < subscribers.length; index += 1) subscribers[index]?.(entry)
    }),
    fails: 'a subscriber that leaves inside deliver keeps the event from nobody',
  },
  'does not subscribe again once all have left': {
    plugin: broken(inner => {
      const counts = new Map<string, number>()
      return {
        async subscribe(channel, deliver, lost) {
          if (counts.get(channel) === 0) return () => {}
          counts.set(channel, (counts.get(channel) ?? 0) + 1)
          const unsubscribe = await inner.subscribe(channel, deliver, lost)
          return () => {
            counts.set(channel, (counts.get(channel) ?? 0) - 1)
            return unsubscribe()
          }
        },
      }
    }),
    fails: 'a channel that all have left can be subscribed to again',
  },
}
