import { setTimeout } from 'node:timers/promises'
import { SseError } from '../../src/errors.js'
import { uncertain, unreachable, verdictOf } from './failure.js'
import type { Link } from './link.js'

/** Milliseconds between two tries. */
const PAUSE = 50

export interface AttemptSettings {
  /** Milliseconds until it rejects. */
  readonly timeout: number
  /** Whether the command changes something, so that it matters if nothing is known of it. */
  readonly changes: boolean
  /** Whether it may be sent again when nothing is known of it. */
  readonly repeatable: boolean
}

/** A command's try: how many milliseconds ago one was sent of which nothing is known, if any, and how many are left. */
export interface Try {
  readonly since: number | undefined
  readonly left: number
}

/**
 * Sends a command until it is answered or the time is up: after a failure that passes it is tried again. Rejects with
 * ERR_SSE_UNREACHABLE if it was not executed, with ERR_SSE_UNCERTAIN if that is not known.
 */
export async function attempt<T>(
  link: Link,
  settings: AttemptSettings,
  send: (attempt: Try) => Promise<T>,
): Promise<T> {
  const end = performance.now() + settings.timeout
  let lost: number | undefined
  for (;;) {
    let sent: number | undefined
    try {
      await link.up(end - performance.now())
      sent = performance.now()
      const since = lost === undefined ? undefined : sent - lost
      return await link.run(send({ since, left: end - sent }), end - sent)
    } catch (error) {
      const verdict = verdictOf(error)
      const isClosed = verdict instanceof SseError && verdict.code === 'ERR_SSE_PLUGIN_CLOSED'
      if (verdict === 'lost' || isClosed) lost ??= sent
      const isUncertain = lost !== undefined && settings.changes
      const isFinal = verdict instanceof SseError || (verdict === 'lost' && !settings.repeatable)
      if (isFinal && verdict instanceof SseError && !isUncertain) throw verdict
      if (isFinal || performance.now() + PAUSE >= end) throw isUncertain ? uncertain() : late(error)
    }
    await setTimeout(PAUSE)
  }
}

const late = (error: unknown) => unreachable((error as Error).message, error)
