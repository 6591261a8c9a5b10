import type { Cursor, Follower } from './cursor.js'
import { encodeEvent } from './encoder.js'
import { wireText } from './log.js'
import { STREAM_END } from './mount.js'
import { idOf, isSamePosition, type Position, parsePosition, previous } from './position.js'
import type { PubSub } from './pubsub.js'
import { openEvent, resetEvent } from './reset-event.js'
import type { Run, Viewer } from './run.js'
import type { Standing } from './run-store.js'
import type { Replay } from './share.js'

/** Sends a run's events over a viewer's connection, once that is open, to the end of the run or until the viewer leaves. */
export async function sendRun(
  viewer: Viewer,
  pubsub: PubSub,
  run: Run,
  { status, start, top }: Standing,
  replay: Replay,
  lastEventId: string | undefined,
): Promise<void> {
  const { connection } = viewer
  let cursor: Cursor | undefined
  const leave = () => {
    cursor?.close()
    run.leave(viewer)
  }
  connection.onLeave(leave)
  if (!(await connection.ready())) return leave()
  connection.onCaughtUp(() => {
    cursor?.advance()
    run.caughtUp()
  })
  run.caughtUp()
  try {
    const seen = lastEventId === undefined ? undefined : await seenIn(pubsub, run.channel, start, lastEventId)
    const isLost = lastEventId !== undefined && seen === undefined
    if (connection.left) return leave()
    if (isLost) connection.send(encodeEvent(resetEvent(run.key, { reason: 'epoch', from: undefined, now: start })))
    const after = seen ?? (replay === 'all' || run.events === 0 ? start : undefined)
    const isOver = status === 'over'
    // The end of a run is its newest event: whoever comes then gets that at least.
    const from = isOver && (!after || isSamePosition(after, top)) ? previous(top) : after
    const newestFirst = seen === undefined && replay === 'latest'
    const follower = followerOf(viewer, run, newestFirst && !isOver, isLost, leave)
    cursor = pubsub.follow(run.channel, follower, from && (idOf(from) as string))
  } catch (error) {
    leave()
    connection.abandon(error)
  }
}

// Where an event of this run is that a client has seen; undefined for one of a run that is gone.
async function seenIn(pubsub: PubSub, channel: string, start: Position, id: string): Promise<Position | undefined> {
  const position = parsePosition(id)
  const found = position?.epoch === start.epoch ? position : await pubsub.find(channel, id)
  return found?.epoch === start.epoch ? found : undefined
}

function followerOf(
  { connection }: Viewer,
  run: Run,
  newestFirst: boolean,
  hasReset: boolean,
  leave: () => void,
): Follower {
  let hasSent = hasReset
  const endAfter = (event: string | undefined) => {
    hasSent = true
    if (event !== STREAM_END) return
    leave()
    connection.end()
  }
  return {
    whenBehind: 'catch-up',
    newestFirst,
    get ready() {
      return connection.writable
    },
    take(range) {
      connection.sendRange(range)
      endAfter(range.lastEvent)
    },
    replay(entries) {
      connection.send(entries.map(wireText).join(''))
      endAfter(entries.at(-1)?.message.event)
    },
    reset(reset) {
      hasSent = true
      connection.send(encodeEvent(resetEvent(run.key, reset)))
      if (!run.isOver) return
      leave() // its end was in the hole: who comes back gets it
      connection.end()
    },
    joined: () => {},
    live({ position }) {
      // What was sent has an id to go on from.
      if (!hasSent) connection.send(encodeEvent(openEvent([run.key], idOf(position as Position))))
    },
    fail(error) {
      leave()
      if (error === undefined) void connection.close()
      else connection.abandon(error)
    },
  }
}
