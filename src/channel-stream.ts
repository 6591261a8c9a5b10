import type { Connection, Sender } from './connection.js'
import type { Cursor, Follower, Reset } from './cursor.js'
import { encodeEvent } from './encoder.js'
import { type Range, wireText } from './log.js'
import type { ChannelStreamSettings } from './options.js'
import type { Entry } from './plugin.js'
import { idOf, type Position } from './position.js'
import type { PubSub } from './pubsub.js'
import { openEvent, resetEvent } from './reset-event.js'
import { VectorFollowers } from './vector-followers.js'

/** Sends the events of channels over a connection, once it is open and until it is over. */
export async function sendChannels(
  connection: Connection,
  pubsub: PubSub,
  channels: readonly string[],
  settings: ChannelStreamSettings,
  lastEventId: string | undefined,
): Promise<void> {
  if (!(await connection.ready())) return
  const [only] = channels
  if (only !== undefined && channels.length === 1 && settings.channelIn === undefined) {
    new ChannelFollower(connection, only, settings).follow(pubsub, lastEventId)
  } else {
    followAll(connection, pubsub, channels, settings, lastEventId)
  }
}

// Its encoded log is sent as it is, the same bytes to all. A class: object literals of closures took a kilobyte for each client.
class ChannelFollower implements Follower, Sender {
  readonly #connection: Connection
  readonly #channel: string
  readonly #settings: ChannelStreamSettings
  #cursor: Cursor | undefined

  constructor(connection: Connection, channel: string, settings: ChannelStreamSettings) {
    this.#connection = connection
    this.#channel = channel
    this.#settings = settings
  }

  follow(pubsub: PubSub, lastEventId: string | undefined): void {
    this.#connection.attach(this)
    this.#cursor = pubsub.follow(this.#channel, this, lastEventId)
    if (this.#connection.left) this.left()
  }

  get channels(): readonly string[] {
    return [this.#channel]
  }

  get whenBehind() {
    return this.#settings.whenBehind
  }

  get ready(): boolean {
    return this.#connection.writable
  }

  left(): void {
    this.#cursor?.close()
  }

  caughtUp(): void {
    this.#cursor?.advance()
  }

  take(range: Range): void {
    this.#connection.sendRange(range)
  }

  replay(entries: readonly Entry[]): void {
    this.#connection.send(entries.map(wireText).join(''), entries.length)
  }

  reset(reset: Reset): void {
    this.#connection.sendReset(encodeEvent(resetEvent(this.#channel, reset)), this.#channel, reset.reason)
  }

  joined(): void {}

  live({ position }: Cursor): void {
    if (!this.#settings.anchor) return
    this.#connection.send(encodeEvent(openEvent([this.#channel], idOf(position as Position))))
  }

  fail(error?: unknown): void {
    this.left()
    endStream(this.#connection, error)
  }
}

function followAll(
  connection: Connection,
  pubsub: PubSub,
  channels: readonly string[],
  settings: ChannelStreamSettings,
  lastEventId: string | undefined,
): void {
  const cursors: Cursor[] = []
  let over = false
  const left = () => {
    over = true
    for (const cursor of cursors) cursor.close()
  }
  const caughtUp = () => {
    for (const cursor of cursors) cursor.advance()
  }
  const fail = (error?: unknown) => {
    left()
    endStream(connection, error)
  }
  connection.attach({ left, caughtUp, channels })
  const vector = new VectorFollowers(connection, channels, settings, lastEventId, caughtUp, fail)
  for (const [channel, follower, seen] of vector.followers()) cursors.push(pubsub.follow(channel, follower, seen))
  if (over || connection.left) left() // what was followed since
}

function endStream(connection: Connection, error: unknown): void {
  if (error === undefined) void connection.close('behind')
  else connection.abandon(error)
}
