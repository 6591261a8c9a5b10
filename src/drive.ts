import { isAbort } from './abort.js'
import { ServerSentEvent } from './event.js'
import { iterate, type Values } from './source.js'
import { nextTurn, sliceUsed } from './turns.js'

/** Where a run's events go. */
export interface Sending {
  /** Stops the run. */
  readonly signal: AbortSignal
  /** Resolves when the next value may be pulled. */
  pace(): Promise<void>
  /** Resolves to whether the run may go on. */
  publish(event: ServerSentEvent): Promise<boolean>
}

/** How a source came to its end. */
export type Outcome =
  | { readonly how: 'ended' }
  | { readonly how: 'stopped'; readonly error?: unknown }
  | { readonly how: 'failed'; readonly error: unknown }

/** Pulls a source's values one at a time, and publishes each, until it ends or is stopped. Never rejects. */
export async function drive(values: Values, { signal, pace, publish }: Sending): Promise<Outcome> {
  let iterator: AsyncIterator<unknown> | undefined
  let returned: Promise<unknown> | undefined
  const stop = () => {
    returned ??= (async () => iterator?.return?.())()
    return returned
  }
  // A generator that is parked in an await is told by its signal, any other iterator by its `return()`.
  const stopNow = () => void stop().catch(() => {}) // what it throws, its next() throws too, or nobody waits for
  signal.addEventListener('abort', stopNow, { once: true })
  try {
    iterator = iterate(values)
    for (await pace(); !signal.aborted; await pace()) {
      const { done, value } = await iterator.next()
      if (done) return { how: signal.aborted ? 'stopped' : 'ended' }
      if (value !== undefined && !(await publish(ServerSentEvent.from(value)))) break
      if (sliceUsed()) await nextTurn()
    }
    await stop()
    return { how: 'stopped' }
  } catch (error) {
    if (signal.aborted) return isAbort(error) ? { how: 'stopped' } : { how: 'stopped', error }
    stopNow()
    return { how: 'failed', error }
  } finally {
    signal.removeEventListener('abort', stopNow)
  }
}
