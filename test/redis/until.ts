import { setTimeout } from 'node:timers/promises'

/** For what Redis tells only when it is asked: asks again until the answer is true. A failing question counts as no. */
export async function until(ask: () => Promise<boolean>): Promise<void> {
  while (!(await ask().catch(() => false))) await setTimeout(20)
}
