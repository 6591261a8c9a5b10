import type { Entry, Plugin, Relay } from './plugin.js'
import { isSamePosition, NOWHERE, type Position } from './position.js'

/** What is followed of a channel: the position of the newest message that was received. */
interface Subscription {
  top: Position
}

/**
 * Makes a relay look like a plugin with a history that is always empty: messages are numbered as they are received, in positions that
 * are no ids. Where some may have been lost the numbers begin anew, so that every follower is told of the hole.
 */
export function numbered(relay: Relay): Plugin {
  const subscriptions = new Map<string, Subscription>()
  return {
    name: relay.name,
    ready: async () => relay.ready?.(),
    health: () => relay.health?.() ?? { publishing: true, receiving: true },
    watch: failed => relay.watch?.(failed),
    close: () => relay.close(),
    async publish(channel, message) {
      await relay.publish(channel, message)
      return NOWHERE
    },
    async subscribe(channel, deliver, lost) {
      const subscription = { top: begin() }
      const number = (message: Entry['message']) => {
        subscription.top = next(subscription.top)
        deliver({ position: subscription.top, message })
      }
      const beginAgain = () => {
        subscription.top = begin()
        lost()
      }
      const unsubscribe = await relay.subscribe(channel, number, beginAgain)
      subscriptions.set(channel, subscription)
      return () => {
        if (subscriptions.get(channel) === subscription) subscriptions.delete(channel)
        return unsubscribe()
      }
    },
    async read(channel, after) {
      const { top } = subscriptions.get(channel) ?? { top: begin() }
      if (after === undefined || isSamePosition(after, top)) return { ok: true, entries: [], top }
      return { ok: false, reason: 'absent', top }
    },
    find: async () => begin(), // an event of a history that there is not
  }
}

let count = 0

function tag(): string {
  count += 1
  return String(count)
}

const begin = (): Position => ({ epoch: '', offset: 0, parent: '', tag: tag() })

const next = ({ offset, tag: parent }: Position): Position => ({ epoch: '', offset: offset + 1, parent, tag: tag() })
