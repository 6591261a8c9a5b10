import type { Connection } from './connection.js'
import type { Cursor, Follower } from './cursor.js'
import { encodeEvent } from './encoder.js'
import { wireText } from './log.js'
import type { ChannelStreamSettings } from './options.js'
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
  const cursors: Cursor[] = []
  let over = false
  const close = () => {
    over = true
    for (const cursor of cursors) cursor.close()
  }
  const advance = () => {
    for (const cursor of cursors) cursor.advance()
  }
  const fail = (error?: unknown) => {
    close()
    if (error === undefined) void connection.close()
    else connection.abandon(error)
  }
  connection.onLeave(close)
  connection.onCaughtUp(advance)
  const [only] = channels
  if (only !== undefined && channels.length === 1 && settings.channelIn === undefined) {
    cursors.push(pubsub.follow(only, oneFollower(connection, only, settings, fail), lastEventId))
  } else {
    const vector = new VectorFollowers(connection, channels, settings, lastEventId, advance, fail)
    for (const [channel, follower, seen] of vector.followers()) cursors.push(pubsub.follow(channel, follower, seen))
  }
  if (over || connection.left) close() // what was followed since
}

// One channel: its encoded log is sent as it is, the same bytes to all.
function oneFollower(
  connection: Connection,
  channel: string,
  { whenBehind, anchor }: ChannelStreamSettings,
  fail: (error?: unknown) => void,
): Follower {
  return {
    whenBehind,
    fail,
    get ready() {
      return connection.writable
    },
    take: range => connection.sendRange(range),
    replay: entries => connection.send(entries.map(wireText).join('')),
    reset: reset => connection.send(encodeEvent(resetEvent(channel, reset))),
    joined: () => {},
    live: ({ position }) => {
      if (anchor) connection.send(encodeEvent(openEvent([channel], idOf(position as Position))))
    },
  }
}
