import type { Cluster, Redis } from 'ioredis'
import { SseError } from '../../src/errors.js'
import type { Health } from '../../src/plugin.js'
import { type Clients, clientsFor } from './clients.js'
import { verdictOf } from './failure.js'
import { Link, type LinkSettings } from './link.js'
import { placeOf, type RedisConnectionOptions, timesOf } from './options.js'
import type { Receiver } from './receiver.js'
import { Shards } from './shards.js'
import { Subscriptions } from './subscriptions.js'

export interface ConnectionSettings {
  /** The plugin's name, for messages. */
  readonly plugin: string
  /** How a cluster is subscribed to. */
  readonly kind: 'plain' | 'sharded'
  /** Asks for something on the connection for commands. */
  probe(client: Redis | Cluster): Promise<unknown>
  /** Changes something that does not matter, to see whether that is taken again after something was refused. */
  change(client: Redis | Cluster): Promise<unknown>
}

/** What a plugin has of Redis: one client for commands, and what receives. Connected when it is first used. */
export class Connection {
  readonly commands: Link
  readonly receiver: Receiver
  readonly timeout: number
  readonly #watchers = new Set<(error: unknown) => void>()
  /** What Redis refused last, until it takes something again. */
  #refused: SseError | undefined

  /** @throws TypeError or RangeError for options that cannot be used. */
  constructor(options: RedisConnectionOptions, { plugin, kind, probe, change }: ConnectionSettings) {
    const times = timesOf(options)
    const clients = clientsFor(`${plugin}Plugin`, placeOf(`${plugin}Plugin`, options), times)
    const { commands, owned } = clients
    const common = { plugin, heartbeat: times.heartbeat, failed: this.#brokenOff }
    this.timeout = times.timeout
    const beat = () => (this.#refused ? this.noting(change(commands)) : probe(commands))
    this.commands = new Link(commands, { ...common, owned, probe: beat })
    this.receiver = commands.isCluster
      ? this.#shards(clients, common, kind)
      : this.#subscriptions(clients.subscriber(), common, 'plain')
  }

  /** Resolves once publishing and receiving work, rejects as soon as it is known why they do not. */
  async ready(): Promise<void> {
    await Promise.all([this.commands.ready(this.timeout), this.receiver.ready()])
  }

  /** Asked of a process that has used neither yet, it connects: else a readiness probe would wait for ever. */
  health(): Health {
    this.commands.open()
    this.receiver.open()
    const publishing = this.commands.failure ?? this.#refused
    const receiving = this.receiver.failure
    const error = publishing ?? receiving
    return { publishing: !publishing, receiving: !receiving, ...(error && { error }) }
  }

  watch(failed: (error: unknown) => void): void {
    this.#watchers.add(failed)
  }

  readonly failed = (error: unknown): void => {
    for (const watcher of this.#watchers) watcher(error)
  }

  // Every connection notices an outage: it is told once.
  readonly #brokenOff = (error: SseError): void => {
    const told = [this.commands.told, ...this.receiver.told].filter(code => code === error.code)
    if (told.length < 2) this.failed(error)
  }

  /** Keeps whether Redis takes what is published: a server that has no memory left is no healthy one. */
  async noting<T>(published: Promise<T>): Promise<T> {
    try {
      const result = await published
      this.#refused = undefined
      return result
    } catch (error) {
      const verdict = verdictOf(error)
      if (verdict instanceof SseError && concernsAll(verdict)) this.#refused = verdict
      throw error
    }
  }

  close(): void {
    this.receiver.close()
    this.commands.close()
  }

  #subscriptions(client: Redis, common: Common, kind: 'plain' | 'sharded', moved = () => {}): Subscriptions {
    const probe = () => client.ping()
    const telling = (tell: (error: SseError) => void) => (error: SseError) => {
      tell(error)
      moved()
    }
    const link = new Link(client, { ...common, failed: telling(common.failed), owned: true, probe })
    return new Subscriptions(link, { kind, timeout: this.timeout, failed: telling(this.failed), moved })
  }

  #shards(clients: Clients, common: Common, kind: 'plain' | 'sharded'): Shards {
    return new Shards(this.commands as Link<Cluster>, this.timeout, (node, moved) => {
      const at = node.lastIndexOf(':')
      const client = clients.subscriber({ host: node.slice(0, at), port: Number(node.slice(at + 1)) })
      return this.#subscriptions(client, common, kind, moved)
    })
  }
}

// Whether what Redis refused it would refuse for any channel: it has no memory left, or is no primary any more.
function concernsAll({ code, cause, message }: SseError): boolean {
  const isReply = (cause as Error | undefined)?.name === 'ReplyError'
  return code === 'ERR_SSE_UNREACHABLE' ? isReply : code === 'ERR_SSE_REFUSED' && !message.includes('WRONGTYPE')
}

type Common = Pick<LinkSettings, 'plugin' | 'heartbeat' | 'failed'>
