import { performance } from 'node:perf_hooks'

/** Something whose work can be done in slices of time. */
export interface Sweepable {
  /** Works until it is done or the time is up: `performance.now()`. Answers whether something is left. */
  advance(until: number): boolean
}

/** Milliseconds of one turn of the event loop that sweeping may take: between slices, other work gets its turn. */
const SLICE = 0.5

const waiting = new Set<Sweepable>()
let scheduled = false

/** Sweeps a target at the end of this turn of the event loop, so that all that was published in it leaves in one write. */
export function sweep(target: Sweepable): void {
  waiting.add(target)
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

function turn(): void {
  scheduled = false
  const until = performance.now() + SLICE
  for (const target of waiting) {
    waiting.delete(target)
    if (target.advance(until)) waiting.add(target)
    if (performance.now() >= until) break
  }
  if (waiting.size === 0 || scheduled) return
  scheduled = true
  setImmediate(turn)
}
