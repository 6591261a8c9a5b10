import type { Redis } from 'ioredis'

/** Where the reads began that processes asked for: an offset, or '' for the first of a channel. */
export interface Reads extends Disposable {
  readonly from: string[]
}

/** Collects them from now on. */
export async function readsOf(redis: Redis): Promise<Reads> {
  const monitor = await redis.monitor()
  const from: string[] = []
  // Of the scripts, only this one is given two keys and nine values.
  monitor.on('monitor', (_: string, [command, , , , , epoch, offset, ...rest]: string[]) => {
    if (command === 'evalsha' && rest.length === 7) from.push(epoch === '' ? '' : String(offset))
  })
  return { from, [Symbol.dispose]: () => monitor.disconnect() }
}
