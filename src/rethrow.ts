/** Throws an error that nobody listens for where it stops nobody else, as Node's own emitters do. */
export function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
