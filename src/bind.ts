/** Anything that emits events by name: Node's EventEmitter, mitt, an EventTarget. */
export type Emitter =
  | {
      on(event: string, listener: (...args: unknown[]) => void): unknown
      off(event: string, listener: (...args: unknown[]) => void): unknown
    }
  | {
      addEventListener(event: string, listener: (event: unknown) => void): unknown
      removeEventListener(event: string, listener: (event: unknown) => void): unknown
    }

type Listener = (...args: unknown[]) => void

/**
 * Calls back with the data of each event of an emitter. Returns its own undo; twice is harmless.
 * @throws TypeError for what is no emitter.
 */
export function listen(
  emitter: Emitter,
  events: readonly string[],
  received: (event: string, data: unknown) => void,
): () => void {
  const undo = events.map(event => {
    const data = 'on' in emitter ? firstOrAll : detailOf
    const listener: Listener = (...args) => received(event, data(args))
    return attach(emitter, event, listener)
  })
  return () => {
    for (const detach of undo.splice(0)) detach()
  }
}

function attach(emitter: Emitter, event: string, listener: Listener): () => void {
  if ('on' in emitter) {
    emitter.on(event, listener)
    return () => void emitter.off(event, listener)
  }
  emitter.addEventListener(event, listener)
  return () => void emitter.removeEventListener(event, listener)
}

export function isEmitter(value: unknown): value is Emitter {
  const { on, off, addEventListener, removeEventListener } = (value ?? {}) as Record<string, unknown>
  return [on, off].every(isFunction) || [addEventListener, removeEventListener].every(isFunction)
}

const isFunction = (value: unknown) => typeof value === 'function'

const firstOrAll = (args: unknown[]) => (args.length > 1 ? args : (args[0] ?? null))

// A CustomEvent has its data in `detail`, a MessageEvent in `data`.
function detailOf([event]: unknown[]): unknown {
  const { detail, data } = event as { detail?: unknown; data?: unknown }
  return detail ?? data ?? null
}
