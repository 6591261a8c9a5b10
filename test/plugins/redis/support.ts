import { inspect } from 'node:util'
import { expect } from '@jest/globals'
import { type Plugin, PubSub, type PubSubLimits, type Relay, type SseRouter } from 'koa-eventfeed'
import { type OpenStreamOptions, openStream, type TestEvent, type TestStream } from 'koa-eventfeed/testing'
import { type Served, serve } from '../../support.js'

export type { Served } from '../../support.js'

/** What was told through `onError`, in order. */
export class Told {
  readonly errors: unknown[] = []
  #wake: () => void = () => {}

  readonly add = (error: unknown): void => {
    this.errors.push(error)
    this.#wake()
  }

  get codes(): (string | undefined)[] {
    return this.errors.map(codeOf)
  }

  /** Resolves once an error of this code has been told so many times. */
  async until(code: string, times = 1): Promise<void> {
    while (this.codes.filter(told => told === code).length < times) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

export const codeOf = (error: unknown) => (error as { code?: string } | undefined)?.code

/** What a promise rejects with; undefined if it does not. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    error => error,
  )

/** Channels over a plugin, with all that they tell. Leaving the scope closes them. */
export interface Over extends AsyncDisposable {
  readonly pubsub: PubSub
  readonly told: Told
}

export function over(plugin: Plugin | Relay, limits: PubSubLimits = {}): Over {
  const told = new Told()
  const pubsub = new PubSub({ plugin, onError: told.add, ...limits })
  return { pubsub, told, [Symbol.asyncDispose]: () => pubsub.close() }
}

/** The channels of a plugin as event streams, at `/` and a channel's name. */
export async function serveChannels(
  plugin: Plugin | Relay,
  limits: PubSubLimits = {},
): Promise<Served & { told: Told }> {
  const told = new Told()
  const mount = (sse: SseRouter) => sse.publisher('/publish').pubSub('/:channel', { keepAlive: 100 })
  const served = await serve(mount, { router: { plugin, ...limits } })
  served.app.on('error', told.add)
  return { ...served, told }
}

export const isOpen = ({ event }: TestEvent) => event === 'stream-open'

export const isReset = ({ event }: TestEvent) => event === 'stream-reset'

/** A stream that has joined its channel. */
export async function join(served: Served, path: string, options: OpenStreamOptions = {}): Promise<TestStream> {
  const stream = await openStream(served.server, { path, timeout: 10_000, ...options })
  await stream.find(event => isOpen(event) || isReset(event))
  return stream
}

/** The data of a stream's events, with its resets as `!reason`. */
export const transcript = ({ events }: TestStream): string[] =>
  events
    .filter(event => !isOpen(event))
    .map(event => (isReset(event) ? `!${event.json<{ reason: string }>().reason}` : event.data))

/** The data of all that comes until a subscription ends. */
export async function dataOf(events: AsyncIterable<{ data: string }>): Promise<string[]> {
  const all: string[] = []
  for await (const { data } of events) all.push(data)
  return all
}

/** Waits for an event with this data. */
export const until = (stream: TestStream, data: unknown) => stream.find(event => event.data === String(data))

/** Publishes numbers one after the other, and answers their ids. */
export async function publishAll(pubsub: PubSub, channel: string, from: number, to: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = from; n <= to; n++) ids.push(await pubsub.publish(n, { channel }))
  return ids
}

/** The numbers from one to another, as they are received. */
export const numbers = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => String(from + n))

/** Checks a transcript of numbers: each is the next one, unless a reset is between, and none comes again. */
export function expectHonest(seen: readonly string[]): void {
  let last = 0
  let told = false
  for (const data of seen) {
    const number = Number(data)
    const fits = told ? number > last : number === last + 1
    if (!data.startsWith('!') && !fits) throw new Error(`${data} comes after ${last} in: ${seen.join(' ')}`)
    told = data.startsWith('!')
    if (!told) last = number
  }
}

/** Checks that no error shows a password, or what an event holds. */
export function expectDiscreet(errors: readonly unknown[], ...secrets: string[]): void {
  for (const error of errors) {
    const shown = inspect(error, { depth: 9, showHidden: true })
    for (const secret of secrets) expect(shown).not.toContain(secret)
  }
}

/** How many milliseconds a promise takes to settle. */
export async function duration(promise: Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await rejection(promise)
  return performance.now() - begun
}

/** What a client gets that comes back to a process which holds nothing of the channel yet, until it has all that there is. */
export async function comeBack(
  plugin: Plugin | Relay,
  lastEventId: string,
  { path = '/news', ...limits }: PubSubLimits & { path?: string } = {},
): Promise<string[]> {
  await using served = await serveChannels(plugin, limits)
  const stream = await openStream(served.server, { path, lastEventId, timeout: 10_000 })
  await stream.find(isOpen)
  await stream.close()
  expect(served.told.errors).toEqual([])
  return transcript(stream)
}
