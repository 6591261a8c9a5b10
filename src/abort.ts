import { AsyncResource } from 'node:async_hooks'

/** Why a stream's signal is aborted. One for all, since making an error for each client that leaves is dear. */
export const STREAM_OVER = new DOMException('The client has left, or the server has closed the stream', 'AbortError')

/** A stream's signal, made for who asks for it. Its listeners find the AsyncLocalStorage of who asked, not that of the socket's event. */
export class StreamSignal {
  readonly #controller = new AbortController()
  readonly #context = new AsyncResource('EventStreamSignal')

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(): void {
    this.#context.runInAsyncScope(() => this.#controller.abort(STREAM_OVER))
  }
}

const NAMES = new Set<unknown>(['AbortError', 'CanceledError'])

/** Whether an error, or what caused it, is what an await that heeds an aborted signal throws. */
export function isAbort(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { name, cause } = error as { name?: unknown; cause?: unknown }
  return error === STREAM_OVER || NAMES.has(name) || cause === STREAM_OVER
}
