import type Koa from 'koa'
import { openStream, type StreamTarget, type TestEvent, type TestStream } from 'koa-eventfeed/testing'

/** Opens a stream of channels and waits until it is live: every later event reaches it. */
export async function live(target: StreamTarget | Koa, path: string): Promise<TestStream> {
  const stream = await openStream(target, { path })
  await stream.find(isAnchor)
  return stream
}

export const isAnchor = ({ event }: TestEvent) => event === 'stream-open'

/** The data of a stream's events so far, without those that it opened with. */
export const dataOf = ({ events }: TestStream) => events.filter(event => !isAnchor(event)).map(({ data }) => data)
