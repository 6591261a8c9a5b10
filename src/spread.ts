import { setTimeout } from 'node:timers/promises'
import type { EndReason } from './activity.js'
import type { Closing, Connection } from './connection.js'
import { jittered } from './jitter.js'
import { SOON } from './refusal.js'

/**
 * Ends streams one after another, spread over a time in milliseconds; each client is told another moment to come back. Resolves when
 * their responses are closed.
 */
export async function endOver(
  time: number,
  connections: readonly Connection[],
  reason: EndReason,
  closing: Closing = {},
): Promise<void> {
  const begun = performance.now()
  const closed: Promise<void>[] = []
  for (const [index, connection] of connections.entries()) {
    const wait = begun + (time * index) / connections.length - performance.now()
    if (wait > 1) await setTimeout(wait, undefined, { ref: false })
    closed.push(connection.close(reason, { ...closing, retry: jittered(SOON) }))
  }
  await Promise.all(closed)
}
