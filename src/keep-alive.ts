import { performance } from 'node:perf_hooks'

/** Something that has to say a word after every `keepAlive` ms of silence. */
export interface Idler {
  /** The longest silence, in milliseconds. */
  readonly keepAlive: number
  /** When it last wrote: `performance.now()`. */
  readonly lastWrite: number
  /** Breaks the silence. */
  beat(): void
}

/** How far apart the turns of the wheel are, in milliseconds: a beat is late by this much at most. */
const GRAIN = 50

const slots = new Map<number, Set<Idler>>()
const slotOf = new Map<Idler, number>()
let timer: NodeJS.Timeout | undefined
let armedFor = Number.POSITIVE_INFINITY

/** Keeps an idler from falling silent, until `release`. */
export function keepAlive(idler: Idler): void {
  const slot = Math.ceil((idler.lastWrite + idler.keepAlive) / GRAIN)
  const members = slots.get(slot)
  if (members) members.add(idler)
  else slots.set(slot, new Set([idler]))
  slotOf.set(idler, slot)
  if (slot < armedFor) arm(slot)
}

/** Forgets an idler. Harmless when it is not known. */
export function release(idler: Idler): void {
  const slot = slotOf.get(idler)
  if (slot === undefined) return
  slotOf.delete(idler)
  const members = slots.get(slot)
  members?.delete(idler)
  if (members?.size === 0) slots.delete(slot)
  if (slots.size === 0) disarm()
}

function arm(slot: number): void {
  clearTimeout(timer)
  armedFor = slot
  timer = setTimeout(turn, Math.max(1, slot * GRAIN - performance.now())).unref()
}

function disarm(): void {
  clearTimeout(timer)
  armedFor = Number.POSITIVE_INFINITY
}

// A write does not move its connection to another slot, which would cost every write; the slot's turn looks when it wrote last.
function turn(): void {
  const now = performance.now()
  armedFor = Number.POSITIVE_INFINITY
  for (const [slot, members] of [...slots]) {
    if (slot * GRAIN > now) continue
    slots.delete(slot)
    for (const idler of members) {
      if (slotOf.get(idler) !== slot) continue // released by the beat of another
      if (now - idler.lastWrite >= idler.keepAlive) idler.beat()
      if (slotOf.get(idler) === slot) keepAlive(idler)
    }
  }
  if (slots.size > 0) arm(Math.min(...slots.keys()))
}
