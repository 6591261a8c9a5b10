import { setImmediate } from 'node:timers/promises'
import { type Entry, type Plugin, SseError, type Unsubscribe } from 'koa-eventfeed'
import { mittPlugin } from '../../plugins/mitt/index.js'
import type { Create } from './broken/breaking.js'

/** Milliseconds until a client that was cut off is connected again. */
const AWAY = 20

interface Client {
  readonly plugin: Plugin
  cut(): void
}

interface Subscription {
  readonly channel: string
  readonly deliver: (entry: Entry) => void
  readonly lost: () => void
  leave: Unsubscribe
  isOver: boolean
}

/** Plugins over one broker, some methods of which are others, and what breaks the connections of all of them. */
export function interruptedBroker(alter: (plugin: Plugin) => Partial<Plugin> = () => ({})) {
  const brokers = new Map<number | undefined, Plugin>()
  const clients: Client[] = []
  const create: Create = options => {
    const count = options?.history?.count
    const broker = brokers.get(count) ?? mittPlugin(options)
    brokers.set(count, broker)
    const client = clientOf(broker)
    clients.push(client)
    return { ...client.plugin, ...alter(client.plugin) }
  }
  const interrupt = async () => {
    for (const client of clients) client.cut()
  }
  return { create, interrupt }
}

function clientOf(broker: Plugin): Client {
  const subscriptions = new Set<Subscription>()
  const watchers = new Set<(error: unknown) => void>()
  let connection: object | undefined = {}
  let isReceiving = true
  let isClosed = false
  let returning: NodeJS.Timeout | undefined

  // A connection that breaks off on the way there or back leaves open whether the broker has done it.
  const request = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    if (isClosed) throw new Error('The client is closed')
    const used = connection
    if (!used) throw new SseError('ERR_SSE_UNREACHABLE', 'The broker is away')
    await travel(used)
    const answer = await ask()
    await travel(used)
    return answer
  }
  const travel = async (used: object) => {
    for (let turn = 0; turn < 2; turn += 1) await setImmediate()
    if (connection !== used) throw new SseError('ERR_SSE_UNCERTAIN', 'The connection broke off')
  }

  const attach = async (subscription: Subscription) => {
    const used = connection
    const arrive = async (entry: Entry) => {
      await setImmediate()
      if (!subscription.isOver && !isClosed && connection === used) subscription.deliver(entry)
    }
    subscription.leave = await broker.subscribe(subscription.channel, arrive, () => {})
  }
  const detach = (subscription: Subscription) => {
    subscription.isOver = true
    subscriptions.delete(subscription)
    return subscription.leave()
  }

  const cut = () => {
    if (!connection || isClosed) return
    connection = undefined
    isReceiving = false
    for (const { leave } of subscriptions) void leave()
    for (const failed of watchers) failed(new SseError('ERR_SSE_UNREACHABLE', 'The connection broke off'))
    returning = setTimeout(comeBack, AWAY)
  }
  const comeBack = async () => {
    connection = {}
    await setImmediate()
    for (const subscription of subscriptions) await attach(subscription)
    isReceiving = true
    for (const { lost } of [...subscriptions]) lost()
  }

  const plugin: Plugin = {
    name: 'interrupted',
    ready: () => request(async () => {}),
    health: () => ({ publishing: connection !== undefined, receiving: isReceiving }),
    watch: failed => void watchers.add(failed),
    publish: (channel, message) => request(() => broker.publish(channel, message)),
    async subscribe(channel, deliver, lost) {
      const subscription: Subscription = { channel, deliver, lost, leave: () => {}, isOver: false }
      try {
        await request(() => attach(subscription))
      } catch (error) {
        void detach(subscription)
        throw isClosed ? error : new SseError('ERR_SSE_UNREACHABLE', 'It could not be subscribed to', { cause: error })
      }
      subscriptions.add(subscription)
      return () => void detach(subscription)
    },
    read: (channel, after, limit) => request(() => broker.read(channel, after, limit)),
    async close() {
      isClosed = true
      clearTimeout(returning)
      for (const subscription of subscriptions) void detach(subscription)
    },
  }
  return { plugin, cut }
}
