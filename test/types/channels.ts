import { EventEmitter } from 'node:events'
import {
  type EventSubscription,
  type Health,
  type Message,
  PubSub,
  type ReceivedEvent,
  ServerSentEvent,
  SseError,
  type SseErrorCode,
} from 'koa-eventfeed'
import mitt from 'mitt'
import { exactly } from './exactly.js'

const pubsub = new PubSub({ onError: error => exactly<unknown>()(error), maxReplay: 5 })

exactly<Promise<string>>()(pubsub.publish({ any: 'value' }, { channel: 'news', event: 'added', id: 7, retry: 1_000 }))
exactly<Promise<string>>()(pubsub.publish(new ServerSentEvent('text')))
exactly<Promise<string>>()(pubsub.position('news'))
exactly<Health>()(pubsub.health())
// @ts-expect-error: one channel
pubsub.publish('text', { channel: ['news'] })
// @ts-expect-error: `event`, as in the stream
pubsub.publish('text', { type: 'added' })
// @ts-expect-error: publish needs data
pubsub.publish()
// @ts-expect-error: a number
new PubSub({ maxLog: '1 MB' })

// Following a channel.
const events = pubsub.subscribe('news', { limit: 2, signal: AbortSignal.timeout(10), lastEventId: undefined })
exactly<EventSubscription>()(events)
exactly<Promise<void>>()(events.ready)
for await (const received of events) {
  exactly<ReceivedEvent>()(received)
  const { channel, id, data, event, retry } = received
  for (const text of [channel, id, data]) exactly<string>()(text)
  exactly<string | undefined>()(event)
  exactly<number | undefined>()(retry)
}
// @ts-expect-error: a number
pubsub.subscribe('news', { limit: '2' })

// Emitters of three kinds.
exactly<() => void>()(pubsub.bind(new EventEmitter(), ['order'], { channel: 'shop' }))
pubsub.bind(new EventTarget(), ['order'] as const)
pubsub.bind(mitt.default<Record<string, unknown>>(), ['order'])
// @ts-expect-error: it cannot be undone
pubsub.bind({ on: () => {} }, ['order'])
// @ts-expect-error: a list
pubsub.bind(new EventEmitter(), 'order')

// Events.
const event = new ServerSentEvent({ percent: 5 }, { event: 'progress', id: 1, retry: 100, allowReserved: false })
const message: Message = event
exactly<string>()(message.data)
exactly<string | undefined>()(event.id)
exactly<string | undefined>()(event.event)
exactly<number | undefined>()(event.retry)
exactly<ServerSentEvent>()(ServerSentEvent.from('anything'))
// @ts-expect-error: what was checked stays as it is
event.data = 'changed'
// @ts-expect-error: its id too
event.id = 'changed'
// @ts-expect-error: text or a number
new ServerSentEvent('text', { id: new Date() })
// @ts-expect-error: milliseconds
new ServerSentEvent('text', { retry: '1s' })
// @ts-expect-error: options, not the event type
new ServerSentEvent('text', 'progress')

// Errors. A code that is missing here may be new; one that is refused has been taken away, which breaks programs.
const codes = [
  ...(['ERR_SSE_BROKEN', 'ERR_SSE_CLOSED', 'ERR_SSE_CREDENTIALS', 'ERR_SSE_ENDED', 'ERR_SSE_FORBIDDEN'] as const),
  ...(['ERR_SSE_MESSAGE', 'ERR_SSE_NOT_A_STREAM', 'ERR_SSE_PLUGIN_CLOSED', 'ERR_SSE_REFUSED'] as const),
  ...(['ERR_SSE_TIMEOUT', 'ERR_SSE_UNCERTAIN', 'ERR_SSE_UNREACHABLE'] as const),
] satisfies SseErrorCode[]
export const errors: Error[] = codes.map(code => new SseError(code, 'message', { cause: 'cause' }))
exactly<SseErrorCode>()(new SseError('ERR_SSE_ENDED', 'message').code)
// @ts-expect-error: not one of ours
new SseError('ERR_SSE_ANYTHING', 'message')
