import { setTimeout as sleep } from 'node:timers/promises'
import { openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import type { Served } from './support.js'

/** Whether a client was told to come back in a second, about. */
export const isSoon = (retry: number | undefined) => retry !== undefined && retry >= 500 && retry <= 1_500

/** How many milliseconds something takes. */
export async function taken(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

/** Closes a server as an app does, and resolves once nobody is connected to it. */
export const closed = ({ server }: Served) => new Promise<void>(resolve => server.close(() => resolve()))

/** Opens streams one after another: so they end, too. Each has had an event. */
export async function openAll({ url }: Served, count: number, path: string): Promise<TestStream[]> {
  const streams: TestStream[] = []
  for (let n = 0; n < count; n++) {
    const stream = await openStream(url, { path, timeout: 10_000 })
    await stream.find(() => true)
    streams.push(stream)
  }
  return streams
}

/** The numbers from 1 on, one every few milliseconds. */
export async function* counting(
  { signal, position = 0 }: { readonly signal: AbortSignal; readonly position?: number },
  last: number,
  pause = 50,
): AsyncGenerator<number> {
  for (let n = position + 1; n <= last; n++) {
    yield n
    await sleep(pause, undefined, { signal })
  }
}

export const isNumber = ({ event }: TestEvent) => event === undefined

/** Those that are in events. */
export const numbersOf = (events: readonly TestEvent[]) => events.filter(isNumber).map(({ data }) => Number(data))
