import { expect, jest, test } from '@jest/globals'
import type { SourceOptions } from 'koa-eventfeed'
import type { Dispatcher, RequestInit } from 'undici'
import { turns } from '../support.js'
import { Reader } from './reader.js'
import { dataOf, KINDS, type Streams } from './streams.js'

/** Where the streams are served. */
export interface Stage extends AsyncDisposable {
  readonly url: string
  readonly streams: Streams
  /** How requests get there; left out, undici's own way. */
  readonly dispatcher?: Dispatcher
  /** What the app has reported. */
  readonly errors: readonly Error[]
}

export type Serve = (options?: Omit<SourceOptions, 'share'>) => Promise<Stage>

/** The tests that every stream must pass, behind whatever middleware and on whatever platform. */
export function proveStreams(serve: Serve, init: RequestInit = {}): void {
  test.each(KINDS)('each event of a %s arrives whole, and as soon as it is sent', (_kind, path) =>
    quietly(serve, async ({ url, streams, dispatcher }) => {
      await using reader = await Reader.open(`${url}${path}`, { ...init, ...(dispatcher && { dispatcher }) })
      expect([reader.status, reader.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
      await reader.begun()
      for (const n of [1, 2, 3]) {
        await streams.send(n)
        expect(await reader.next()).toEqual({ event: 'step', id: String(n), data: dataOf(n) })
      }
    }),
  )

  test.each(KINDS)('a client that leaves a %s is noticed, and is no error', (_kind, path) =>
    quietly(serve, async ({ url, streams, dispatcher }) => {
      await using reader = await Reader.open(`${url}${path}`, { ...init, ...(dispatcher && { dispatcher }) })
      await reader.begun()
      expect(await streams.open()).toBe(1)
      reader.leave()
      await streams.left()
    }),
  )
}

/** Runs what is to go without an error that is reported, or written to the console. */
export async function quietly<S extends Stage>(
  serve: () => Promise<S>,
  run: (stage: S) => Promise<void>,
): Promise<void> {
  const written = jest.spyOn(console, 'error')
  const { errors } = await (async () => {
    await using stage = await serve()
    await run(stage)
    return stage
  })()
  await turns(5)
  expect([errors, written.mock.calls]).toEqual([[], []])
  written.mockRestore()
}
