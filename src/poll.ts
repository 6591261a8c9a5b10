import { setTimeout } from 'node:timers/promises'
import { ServerSentEvent } from './event.js'
import type { PollSettings } from './options.js'

/** The results of a function that is called again and again, as events. */
export async function* poll(
  func: () => unknown,
  { interval, limit, changes }: PollSettings,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  let last: ServerSentEvent | undefined
  let due = performance.now()
  for (let sent = 0; sent < limit; ) {
    const result = await func()
    const event = result === undefined ? undefined : ServerSentEvent.from(result)
    if (event && !(changes && isSame(event, last))) {
      sent += 1
      last = event
      yield event
    }
    if (sent === limit) return
    // From call to call, not from result to call, so that a clock does not drift; calls that were missed are not made up for.
    due = Math.max(due + interval, performance.now())
    await setTimeout(due - performance.now(), undefined, { signal })
  }
}

function isSame(event: ServerSentEvent, last: ServerSentEvent | undefined): boolean {
  return event.data === last?.data && event.event === last.event
}
