import { setImmediate } from 'node:timers/promises'
import type { Entry } from 'koa-eventfeed'
import { broken, type Deliver, delivering, emitting, type Faults, naming, withoutFalsyId } from './breaking.js'

const crosstalk = 'a channel has nothing of another, whatever they are called'

export const delivery: Faults = {
  'drops the 30th event': {
    plugin: delivering(deliver => onNth(30, () => {}, deliver)),
    fails: 'a subscriber gets every event that is published once subscribe has resolved',
  },
  'delivers the 30th event twice': {
    plugin: delivering(deliver => {
      const both: Deliver = entry => {
        deliver(entry)
        deliver(entry)
      }
      return onNth(30, both, deliver)
    }),
    fails: 'no event is delivered twice',
  },
  'delivers the 30th event after the 31st': {
    plugin: delivering(deliver => {
      let held: Entry | undefined
      const hold: Deliver = entry => {
        held = entry
      }
      const pass: Deliver = entry => {
        deliver(entry)
        if (held) deliver(held)
        held = undefined
      }
      return onNth(30, hold, pass)
    }),
    fails: 'events are delivered in the order in which they were published, on channels that take turns',
  },
  'delivers history to a new subscriber': {
    plugin: broken(inner => {
      const published = new Map<string, Entry[]>()
      return {
        async publish(channel, message) {
          const position = await inner.publish(channel, message)
          published.set(channel, [...(published.get(channel) ?? []), { position, message }])
          return position
        },
        async subscribe(channel, deliver, lost) {
          for (const entry of published.get(channel) ?? []) deliver(entry)
          return inner.subscribe(channel, deliver, lost)
        },
      }
    }),
    fails: 'a subscriber gets nothing that was published before',
  },
  'serves four subscribers at most': {
    plugin: emitting((subscribers, entry) => {
      for (const deliver of subscribers.slice(0, 4)) queueMicrotask(() => deliver(entry))
    }),
    fails: 'every subscriber of a channel gets every event',
  },
  'delivers events with a tag of its own': {
    plugin: delivering(deliver => entry => deliver({ ...entry, position: { ...entry.position, tag: 'zzzz' } })),
    fails: 'an event is delivered with the position that publish resolves with',
  },
  'delivers no id that is falsy': {
    plugin: delivering(
      deliver =>
        ({ position, message }) =>
          deliver({ position, message: withoutFalsyId(message) }),
    ),
    fails: 'data, event, id and retry are delivered as they were published',
  },
  'delivers no retry': {
    plugin: delivering(
      deliver =>
        ({ position, message }) =>
          deliver({ position, message: { ...message, retry: undefined } }),
    ),
    fails: 'data, event, id and retry are delivered as they were published',
  },
  'delivers other characters than ASCII as two': {
    plugin: delivering(
      deliver =>
        ({ position, message }) =>
          deliver({ position, message: { ...message, data: Buffer.from(message.data, 'ascii').toString() } }),
    ),
    fails: 'data, event, id and retry are delivered as they were published',
  },
  "takes the channel '*' for all": {
    plugin: broken(inner => {
      const all = new Set<Deliver>()
      return {
        async publish(channel, message) {
          const position = await inner.publish(channel, message)
          if (channel !== '*') for (const deliver of all) deliver({ position, message })
          return position
        },
        subscribe(channel, deliver, lost) {
          if (channel === '*') all.add(deliver)
          return inner.subscribe(channel, deliver, lost)
        },
      }
    }),
    fails: crosstalk,
  },
  'takes upper case and lower case for the same': { plugin: naming(name => name.toLowerCase()), fails: crosstalk },
  'takes composed and decomposed names for the same': { plugin: naming(name => name.normalize()), fails: crosstalk },
  'cuts names at 255 characters': { plugin: naming(name => name.slice(0, 255)), fails: crosstalk },
  'trims names': { plugin: naming(name => name.trim()), fails: crosstalk },
  'delivers at once what is published inside deliver': {
    plugin: emitting(depthFirst()),
    fails: 'what is published inside deliver overtakes for no subscriber',
  },
}

// Hands an event to one subscriber a turn; one that is published meanwhile to all of them at once.
function depthFirst(): (subscribers: Deliver[], entry: Entry) => Promise<void> {
  let running = 0
  return async (subscribers, entry) => {
    running += 1
    for (const deliver of [...subscribers]) {
      deliver(entry)
      if (running === 1) await setImmediate()
    }
    running -= 1
  }
}

function onNth(n: number, odd: Deliver, usual: Deliver): Deliver {
  let count = 0
  return entry => {
    count += 1
    if (count === n) odd(entry)
    else usual(entry)
  }
}
