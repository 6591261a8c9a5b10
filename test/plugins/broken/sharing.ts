import { setImmediate } from 'node:timers/promises'
import type { Plugin } from 'koa-eventfeed'
import { mittPlugin } from '../../../plugins/mitt/index.js'
import { delayedBroker } from '../delayed-broker.js'
import type { Create, Faults } from './breaking.js'

const both = 'who subscribes and then reads has everything once, while others publish'
const delivered = 'what one instance publishes is delivered by another, all of it and in order'
const order = 'what two instances publish at once is delivered by both in one order'
const history = 'history is read by an instance that did not write it'
const closing = 'an instance that is closed gets nothing more, and takes no other along'

/** Faults of plugins that say that they share their channels. */
export const sharing: Faults = {
  'shares nothing': {
    plugin: options => mittPlugin(options),
    fails: delivered,
    also: [both, order, history, closing],
  },
  'delivers what it publishes itself sooner': {
    plugin: instances(inner => {
      const own = new Set<string>()
      let closed = false
      return {
        async publish(channel, message) {
          const position = await inner.publish(channel, message)
          own.add(position.tag)
          return position
        },
        async subscribe(channel, deliver, lost) {
          let left = false
          const leave = await inner.subscribe(
            channel,
            async entry => {
              await turns(5)
              if (!own.has(entry.position.tag)) await turns(5)
              if (!left && !closed) deliver(entry)
            },
            lost,
          )
          return () => {
            left = true
            return leave()
          }
        },
        close() {
          closed = true
          return inner.close()
        },
      }
    }),
    fails: order,
  },
  'reads only what it published itself': {
    plugin: instances(inner => {
      const own = new Set<string>()
      return {
        async publish(channel, message) {
          const position = await inner.publish(channel, message)
          own.add(position.tag)
          return position
        },
        async read(channel, after, limit) {
          const result = await inner.read(channel, after, limit)
          return result.ok
            ? { ...result, entries: result.entries.filter(({ position }) => own.has(position.tag)) }
            : result
        },
      }
    }),
    fails: history,
    also: [both],
  },
  'closes the others, too': {
    plugin: instances((inner, others) => ({
      close: async () => void (await Promise.all([inner, ...others].map(plugin => plugin.close()))),
    })),
    fails: closing,
  },
  'delivers after close': {
    plugin: instances(inner => {
      let closed = false
      const open = () => (closed ? Promise.reject(new Error('It is closed')) : Promise.resolve())
      return {
        publish: (channel, message) => open().then(() => inner.publish(channel, message)),
        subscribe: (channel, deliver, lost) => open().then(() => inner.subscribe(channel, deliver, lost)),
        read: (channel, after, limit) => open().then(() => inner.read(channel, after, limit)),
        close: async () => {
          closed = true
        },
      }
    }),
    fails: closing,
  },
}

function instances(methods: (inner: Plugin, others: Iterable<Plugin>) => Partial<Plugin>): Create {
  const create = delayedBroker()
  const all = new Set<Plugin>()
  return async options => {
    const inner = await create(options)
    all.add(inner)
    return { ...inner, ...methods(inner, all) }
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate()
}
