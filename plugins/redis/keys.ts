import type { Cluster, Redis } from 'ioredis'
import { wrong } from '../../src/checks.js'

/**
 * What a channel is called in Redis. Its name stands in braces, so that a cluster keeps all that is its own in one slot; what braces
 * would end is escaped, as in a URL.
 */
export class Keys {
  /** What publishes in scripts: on a cluster, sharded, so that a message does not go to every node. */
  readonly command: 'PUBLISH' | 'SPUBLISH'
  readonly #prefix: string
  readonly #suffix: string

  /** @throws TypeError for a prefix that cannot be used. */
  constructor(prefix: unknown, client: Redis | Cluster) {
    if (typeof prefix !== 'string') throw wrong('prefix', 'a text', prefix)
    if (/[{}]/.test(prefix)) throw new TypeError(`prefix must have no braces, not '${prefix}'`)
    this.command = client.isCluster ? 'SPUBLISH' : 'PUBLISH'
    this.#prefix = prefix
    // Databases have keys of their own, but share Pub/Sub.
    const { db } = client.options as { db?: number }
    this.#suffix = db ? `@${db}` : ''
  }

  /** The channel of Pub/Sub. */
  channel(name: string): string {
    return `${this.#base(name)}${this.#suffix}`
  }

  /** The keys of the scripts: the state, and the log. */
  of(name: string): [meta: string, log: string] {
    const base = this.#base(name)
    return [`${base}:meta`, `${base}:log`]
  }

  /** Where the tries of one publishing know of each other. */
  tries(name: string, publishing: string): string {
    return `${this.#base(name)}:try:${publishing}`
  }

  #base(name: string): string {
    return `${this.#prefix}{${encodeURIComponent(name)}}`
  }
}
