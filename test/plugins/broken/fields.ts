import type { Message, Relay } from 'koa-eventfeed'
import { dataRelay, memoryRelay } from '../relay.js'

const refused = 'an event with a field that is not carried is refused with a TypeError, and not delivered'
const carried = 'data, event, id and retry are delivered as they were published'

interface DataFault {
  readonly create: () => Relay
  readonly fails: string
  readonly also?: readonly string[]
}

const isPlain = ({ event, id, retry }: Message) => (event ?? id ?? retry) === undefined

function publishing(publish: (inner: Relay, channel: string, message: Message) => Promise<void>): () => Relay {
  return () => {
    const inner = memoryRelay()
    return { ...inner, publish: (channel, message) => publish(inner, channel, message) }
  }
}

/** Faults of relays that say that they carry data only. */
export const dataFaults: Readonly<Record<string, DataFault>> = {
  'leaves out what it cannot carry': {
    create: publishing((inner, channel, { data }) => inner.publish(channel, { data })),
    fails: refused,
  },
  'refuses, but publishes': {
    create: publishing(async (inner, channel, message) => {
      await inner.publish(channel, { data: message.data })
      if (!isPlain(message)) throw new TypeError('It carries data only')
    }),
    fails: refused,
  },
  'refuses by another error': {
    create: publishing((inner, channel, message) =>
      isPlain(message) ? inner.publish(channel, message) : Promise.reject(new Error('It carries data only')),
    ),
    fails: refused,
  },
  'refuses fields that are there, but undefined': {
    create: () => {
      const inner = dataRelay()
      const publish: Relay['publish'] = (channel, message) =>
        'id' in message && message.id === undefined
          ? Promise.reject(new TypeError('It carries data only'))
          : inner.publish(channel, message)
      return { ...inner, publish }
    },
    fails: carried,
  },
}
