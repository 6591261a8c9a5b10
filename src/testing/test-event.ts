import type { EventSourceMessage } from 'eventsource-parser'

/**
 * One event as the server wrote it. A field that it did not write is absent, so that an event equals
 * `{ data: 'a' }` or `{ event: 'tick', id: '1', data: 'a' }` in the strictest assertion of any test runner.
 */
export interface TestEvent {
  /** The event's name; absent where the server wrote none (a browser calls those `message`). */
  readonly event?: string
  /** The id written in this event; one of an earlier event does not carry over. */
  readonly id?: string
  /** The data, its lines joined with `\n`. */
  readonly data: string
  /**
   * The data read as JSON; the type is taken on trust. Not enumerable: no assertion on the event sees it.
   *
   * @throws {SyntaxError} The data is not JSON.
   */
  json<Data = unknown>(): Data
}

export function testEvent({ event, id, data }: EventSourceMessage): TestEvent {
  const fields = { ...(event !== undefined && { event }), ...(id !== undefined && { id }), data }
  return Object.defineProperty(fields, 'json', { value: () => JSON.parse(data) }) as TestEvent
}
