import type { Entry, Message, Plugin, Position, ReadResult } from 'koa-eventfeed'
import { mittPlugin } from '../../../plugins/mitt/index.js'
import { formatPosition } from '../../../src/position.js'

/** Makes a plugin for one case of the contract. */
export type Create = (options?: { history?: { count: number } }) => Plugin | Promise<Plugin>

/** A plugin with one fault, the case of the contract that names it, and those that cannot hold either with that fault. */
export interface Fault {
  readonly plugin: Create
  readonly fails: string
  readonly also?: readonly string[]
}

/** Faults by what such a plugin does. */
export type Faults = Readonly<Record<string, Fault>>

export type Deliver = (entry: Entry) => void

/** A mittPlugin some methods of which are others. */
export const broken =
  (methods: (inner: Plugin) => Partial<Plugin>): Create =>
  options => {
    const inner = mittPlugin(options)
    return { ...inner, ...methods(inner) }
  }

/** One whose subscribers are handed another `deliver`. */
export const delivering = (alter: (deliver: Deliver, channel: string) => Deliver): Create =>
  broken(inner => ({
    subscribe: (channel, deliver, lost) => inner.subscribe(channel, alter(deliver, channel), lost),
  }))

/** One whose `read` answers something else. */
export const reading = (alter: (result: ReadResult, after: Position | undefined) => ReadResult): Create =>
  broken(inner => ({
    read: async (channel, after, limit) => alter(await inner.read(channel, after, limit), after),
  }))

/** One that names channels otherwise. */
export const naming = (alter: (channel: string) => string): Create =>
  broken(inner => ({
    publish: (channel, message) => inner.publish(alter(channel), message),
    subscribe: (channel, deliver, lost) => inner.subscribe(alter(channel), deliver, lost),
    read: (channel, after, limit) => inner.read(alter(channel), after, limit),
  }))

/** One whose positions are others, the same ones wherever they appear. */
export const positioning = (alter: (position: Position) => Position): Create =>
  broken(inner => {
    const originals = new Map<string, Position>()
    const altered = (channel: string, position: Position) => {
      const shown = alter(position)
      originals.set(channel + formatPosition(shown), position)
      return shown
    }
    const alteredEntry = (channel: string, { position, message }: Entry) => ({
      position: altered(channel, position),
      message,
    })
    return {
      publish: async (channel, message) => altered(channel, await inner.publish(channel, message)),
      subscribe: (channel, deliver, lost) =>
        inner.subscribe(channel, entry => deliver(alteredEntry(channel, entry)), lost),
      read: async (channel, after, limit) => {
        const original = after && (originals.get(channel + formatPosition(after)) ?? after)
        const result = await inner.read(channel, original, limit)
        const top = altered(channel, result.top)
        return result.ok
          ? { ...result, top, entries: result.entries.map(entry => alteredEntry(channel, entry)) }
          : { ...result, top }
      },
      find: async (channel, id) => {
        const found = await inner.find?.(channel, id)
        return found && altered(channel, found)
      },
    }
  })

/** One that delivers by itself: `emit` calls the subscribers of a channel, and `publish` waits for it. */
export const emitting = (emit: (subscribers: Deliver[], entry: Entry) => void | Promise<void>): Create =>
  broken(inner => {
    const channels = new Map<string, Deliver[]>()
    return {
      publish: async (channel, message) => {
        const position = await inner.publish(channel, message)
        await emit(channels.get(channel) ?? [], { position, message })
        return position
      },
      subscribe: async (channel, deliver, lost) => {
        const closed = await inner.subscribe(channel, () => {}, lost)
        const subscribers = channels.get(channel) ?? []
        const subscriber: Deliver = entry => deliver(entry)
        channels.set(channel, subscribers)
        subscribers.push(subscriber)
        return () => {
          void closed()
          if (subscribers.includes(subscriber)) subscribers.splice(subscribers.indexOf(subscriber), 1)
        }
      },
    }
  })

/** A message that has lost its id if that is falsy as a number. */
export const withoutFalsyId = ({ data, event, id, retry }: Message): Message => ({
  data,
  event,
  id: Number(id) === 0 ? undefined : id,
  retry,
})

/** One that knows all entries of the channel when it reads and finds. */
export function withAllEntries(
  read: (entries: Entry[], result: ReadResult, after: Position | undefined) => ReadResult,
  find?: (entries: Entry[], id: string) => Position | undefined,
): Create {
  return broken(inner => {
    const channels = new Map<string, Entry[]>()
    return {
      async publish(channel, message) {
        const position = await inner.publish(channel, message)
        channels.set(channel, [...(channels.get(channel) ?? []), { position, message }])
        return position
      },
      read: async (channel, after, limit) =>
        read(channels.get(channel) ?? [], await inner.read(channel, after, limit), after),
      ...(find && { find: async (channel: string, id: string) => find(channels.get(channel) ?? [], id) }),
    }
  })
}
