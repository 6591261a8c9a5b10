import { performance } from 'node:perf_hooks'

// A generator that never waits would keep the event loop to itself: its promises resolve in microtasks, which run before any
// input or timer. So all sources together get one slice of time in a turn of the event loop, and then take turns.

/** Milliseconds of one turn of the event loop that sources may use. */
const SLICE = 0.25

const waiting: (() => void)[] = []
let sliceStart: number | undefined
let scheduled = false

/** Whether this turn's slice is used up: who pulls from a source then awaits `nextTurn()` before it goes on. */
export function sliceUsed(): boolean {
  const now = performance.now()
  if (sliceStart === undefined) {
    sliceStart = now
    schedule()
  }
  return now - sliceStart >= SLICE
}

/** Resolves in a later turn of the event loop, one caller a turn, in the order of asking. */
export function nextTurn(): Promise<void> {
  schedule()
  return new Promise(resolve => waiting.push(resolve))
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

function turn(): void {
  scheduled = false
  sliceStart = undefined
  waiting.shift()?.()
  if (waiting.length > 0) schedule()
}
