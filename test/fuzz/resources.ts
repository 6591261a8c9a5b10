import { getHeapStatistics } from 'node:v8'

/** What the process holds, garbage collected. */
export interface Resources {
  /** Bytes on the heap and outside of it. */
  readonly memory: number
  /** Open sockets, timers and the like, by kind. */
  readonly handles: ReadonlyMap<string, number>
}

/** Bytes by which memory may differ: of code that was compiled meanwhile, say. */
const SLACK = 12_000_000

/** The process is to be run with --expose-gc. */
export function resources(): Resources {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { external } = process.memoryUsage()
  const handles = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) handles.set(kind, (handles.get(kind) ?? 0) + 1)
  return { memory: getHeapStatistics().used_heap_size + external, handles }
}

/** What is held now and was not before; undefined for nothing. */
export function grown(before: Resources, now: Resources, check: { readonly handles: boolean }): string | undefined {
  const bytes = now.memory - before.memory
  if (bytes > SLACK) return `memory has grown by ${Math.round(bytes / 1_000_000)} MB`
  if (!check.handles) return undefined
  const more = [...now.handles].filter(([kind, count]) => /TCP/.test(kind) && count > (before.handles.get(kind) ?? 0))
  return more.length > 0 ? `left open: ${JSON.stringify(more)}` : undefined
}
