import { setImmediate } from 'node:timers/promises'
import type { Entry, Plugin, Unsubscribe } from 'koa-eventfeed'
import { mittPlugin } from '../../plugins/mitt/index.js'
import type { Create } from './broken/breaking.js'

/** Plugins over one broker that everything takes some turns of the event loop to get to and from, as it is over a network. */
export function delayedBroker(): Create {
  const brokers = new Map<number | undefined, Plugin>()
  return options => {
    const count = options?.history?.count
    const broker = brokers.get(count) ?? mittPlugin(options)
    brokers.set(count, broker)
    return client(broker)
  }
}

function client(broker: Plugin): Plugin {
  const subscriptions = new Set<Unsubscribe>()
  let closed = false
  const travel = async () => {
    if (closed) throw new Error('The client is closed')
    for (let turn = 0; turn < 2; turn += 1) await setImmediate()
  }
  return {
    name: 'delayed',
    async publish(channel, message) {
      await travel()
      const position = await broker.publish(channel, message)
      await travel()
      return position
    },
    async subscribe(channel, deliver) {
      await travel()
      let left = false
      const arrive = (entry: Entry) => void setImmediate().then(() => left || closed || deliver(entry))
      const leave = await broker.subscribe(channel, arrive, () => {})
      subscriptions.add(leave)
      await travel()
      return () => {
        left = true
        subscriptions.delete(leave)
        void leave()
      }
    },
    async read(channel, after, limit) {
      await travel()
      const result = await broker.read(channel, after, limit)
      await travel()
      return result
    },
    async close() {
      closed = true
      for (const leave of subscriptions) void leave()
      subscriptions.clear()
    },
  }
}
