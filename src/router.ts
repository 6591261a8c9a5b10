import type { RouterOptions } from '@koa/router'
import Router from '@koa/router'
import { type Func, type Source, type StreamMiddleware, streamFunc, streamGen } from './mounts.js'
import type { FuncOptions, SourceOptions } from './options.js'

/** A @koa/router whose routes may be event streams. */
export class SseRouter extends Router {
  readonly #mounts: StreamMiddleware[] = []

  /** @param options Those of @koa/router, `prefix` among them. */
  constructor(options: RouterOptions = {}) {
    super(options)
  }

  /**
   * Mounts `streamFunc(func, options)` at a path.
   * @throws TypeError or RangeError for options that cannot be used.
   */
  streamFunc(path: string, func: Func, options: FuncOptions = {}): this {
    return this.#mount(path, options.methods, streamFunc(func, options))
  }

  /**
   * Mounts `streamGen(source, options)` at a path.
   * @throws TypeError or RangeError for a source or options that cannot be used.
   */
  streamGen(path: string, source: Source, options: SourceOptions = {}): this {
    return this.#mount(path, options.methods, streamGen(source, options))
  }

  /** Ends every stream of this router, and those that are still asked for. Then `server.close()` can return. */
  async close(): Promise<void> {
    await Promise.all(this.#mounts.map(mount => mount.close()))
  }

  #mount(path: string, methods: readonly string[] = ['GET'], middleware: StreamMiddleware): this {
    this.#mounts.push(middleware)
    this.register(path, [...methods], middleware)
    return this
  }
}
