import type { Connection } from './connection.js'
import type { Cursor, Follower, Reset, WhenBehind } from './cursor.js'
import { encodeEvent } from './encoder.js'
import type { Message } from './event.js'
import type { Entry } from './plugin.js'
import { idOf, NO_POSITION, type Position, parsePosition } from './position.js'
import { openEvent, resetEvent } from './reset-event.js'

/** Where an event tells its channel: around its data, or before its event type. */
export type ChannelIn = 'data' | 'event'

/** Separates the positions in the id of a stream of several channels; they stand in the order of the channels' names. */
const SEPARATOR = '~'

/**
 * Several channels on one connection, or events that tell their channel. An id then names a place in every channel, so each
 * connection has ids, and text, of its own.
 */
export class VectorFollowers {
  readonly #connection: Connection
  readonly #channels: readonly string[]
  readonly #settings: { whenBehind: WhenBehind; anchor: boolean; channelIn: ChannelIn | undefined }
  readonly #fail: (error?: unknown) => void
  readonly #advance: () => void
  /** Each channel's part of the id: what the client has of it. */
  readonly #parts: (string | undefined)[]
  readonly #seen: readonly string[] | undefined
  /** What is sent once every channel has its part. */
  #early: (() => void)[] = []
  readonly #unjoined: Set<string>
  readonly #replaying: Set<string>

  constructor(
    connection: Connection,
    channels: readonly string[],
    settings: { whenBehind: WhenBehind; anchor: boolean; channelIn: ChannelIn | undefined },
    lastEventId: string | undefined,
    advance: () => void,
    fail: (error?: unknown) => void,
  ) {
    this.#connection = connection
    this.#channels = [...channels].sort()
    this.#settings = settings
    this.#advance = advance
    this.#fail = fail
    this.#seen = lastEventId === undefined ? undefined : this.#split(lastEventId).map(known)
    this.#parts = this.#channels.map((_, index) => this.#seen?.[index])
    this.#unjoined = new Set(channels)
    this.#replaying = new Set(channels)
  }

  /** A follower for each channel, and the part of the last event ID that it goes on from. */
  *followers(): Generator<[channel: string, follower: Follower, seen: string | undefined]> {
    for (const [index, channel] of this.#channels.entries()) {
      yield [channel, this.#follower(channel, index), this.#seen?.[index]]
    }
  }

  #follower(channel: string, index: number): Follower {
    const isReady = () => this.#unjoined.size === 0 && this.#connection.writable
    const receive = (entries: readonly Entry[]) => {
      for (const { message, position } of entries)
        this.#send(index, position, labelled(message, channel, this.#settings.channelIn))
    }
    return {
      whenBehind: this.#settings.whenBehind,
      fail: this.#fail,
      get ready() {
        return isReady()
      },
      take: range => receive(range.entries()),
      replay: receive,
      reset: (reset: Reset) => this.#sendReset(index, channel, reset),
      joined: cursor => this.#joined(channel, index, cursor),
      live: () => this.#live(channel),
    }
  }

  #joined(channel: string, index: number, { position }: Cursor): void {
    this.#parts[index] ??= partOf(position as Position)
    if (!this.#unjoined.delete(channel) || this.#unjoined.size > 0) return
    for (const send of this.#early) send()
    this.#early = []
    this.#advance()
  }

  #live(channel: string): void {
    this.#replaying.delete(channel)
    if (this.#replaying.size > 0 || !this.#settings.anchor) return
    this.#connection.send(encodeEvent(openEvent(this.#channels, this.#id)))
  }

  #send(index: number, position: Position, message: Message): void {
    this.#whenJoined(() => this.#connection.send(this.#text(index, position, message)))
  }

  #sendReset(index: number, channel: string, reset: Reset): void {
    this.#whenJoined(() => {
      const text = this.#text(index, reset.now, resetEvent(channel, reset))
      this.#connection.sendReset(text, channel, reset.reason)
    })
  }

  #whenJoined(send: () => void): void {
    if (this.#unjoined.size > 0) this.#early.push(send)
    else send()
  }

  #text(index: number, position: Position, message: Message): string {
    this.#parts[index] = partOf(position)
    return encodeEvent({ ...message, id: this.#id ?? message.id })
  }

  get #id(): string | undefined {
    return this.#parts.every(part => part === NO_POSITION) ? undefined : this.#parts.join(SEPARATOR)
  }

  #split(id: string): string[] {
    const parts = id.split(SEPARATOR)
    return parts.length === this.#channels.length ? parts : this.#channels.map(() => NO_POSITION)
  }
}

// A part stands in the ids that are sent, so nothing of what a client says may get there unread.
const known = (part: string) => (parsePosition(part) ? part : NO_POSITION)

const partOf = (position: Position) => idOf(position) ?? NO_POSITION

function labelled(message: Message, channel: string, channelIn: ChannelIn | undefined): Message {
  if (channelIn === 'event') return { ...message, event: `${channel}:${message.event ?? 'message'}` }
  if (channelIn === 'data') return { ...message, data: JSON.stringify({ channel, data: message.data }) }
  return message
}
