import type { Entry, Message, Plugin, Relay } from 'koa-eventfeed'

/** A relay within one process: who is subscribed gets it, and nothing is kept. */
export function memoryRelay(): Relay {
  const subscribers = new Map<string, Set<{ deliver: (message: Message) => void }>>()
  let isClosed = false

  const of = (channel: string) => {
    if (isClosed) throw new Error('The relay is closed')
    const known = subscribers.get(channel) ?? new Set()
    subscribers.set(channel, known)
    return known
  }

  return {
    name: 'memory',
    async publish(channel, message) {
      const all = of(channel)
      // Later: what is published inside deliver waits until all have what came before.
      queueMicrotask(() => {
        for (const { deliver } of [...all]) deliver(message)
      })
    },
    async subscribe(channel, deliver) {
      const all = of(channel)
      const subscriber = { deliver }
      all.add(subscriber)
      return () => {
        all.delete(subscriber)
        if (all.size === 0) subscribers.delete(channel)
      }
    },
    async close() {
      isClosed = true
      for (const all of subscribers.values()) all.clear()
      subscribers.clear()
    },
  }
}

/** One that carries data only, as a bare PUBLISH does. */
export function dataRelay(): Relay {
  const relay = memoryRelay()
  return {
    ...relay,
    async publish(channel, { data, event, id, retry }) {
      if ((event ?? id ?? retry) !== undefined) throw new TypeError('The relay carries data only')
      await relay.publish(channel, { data })
    },
  }
}

/** A plugin without its history and its positions. */
export function relayOver({ name, publish, subscribe, ready, health, watch, close }: Plugin): Relay {
  // The same function for the same one, for it is what some plugins tell subscriptions by.
  const known = new WeakMap<(message: Message) => void, (entry: Entry) => void>()
  const unwrapping = (deliver: (message: Message) => void) => {
    const unwrap = known.get(deliver) ?? (({ message }: Entry) => deliver(message))
    known.set(deliver, unwrap)
    return unwrap
  }
  return {
    name,
    publish: async (channel, message) => void (await publish(channel, message)),
    subscribe: (channel, deliver, lost) => subscribe(channel, unwrapping(deliver), lost),
    close,
    ...(ready && { ready }),
    ...(health && { health }),
    ...(watch && { watch }),
  }
}
