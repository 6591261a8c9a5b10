import { Command } from 'ioredis'

/** The slot of a cluster that has a key. */
export function slotOf(key: string): number {
  return new Command('get', [key]).getSlot()
}
