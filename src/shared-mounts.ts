import type { Context } from 'koa'
import { isPassing, SseError } from './errors.js'
import { type Mount, mount, type Opening, Refused, turnAway } from './mount.js'
import type { SourceSettings } from './options.js'
import { NOWHERE, type Place, type RunPlace } from './place.js'
import { PubSub } from './pubsub.js'
import { TooManyRuns } from './run.js'
import { sendRun } from './run-stream.js'
import { Runs } from './runs.js'
import type { ShareSettings } from './share.js'
import type { SharedRequest, Values } from './source.js'

/**
 * A mount whose source is run once for all viewers, or for all of a key.
 * @throws TypeError where the end of a run is not marked: viewers that come back could not be told that it is over.
 */
export function mountShared(
  settings: SourceSettings,
  share: ShareSettings,
  open: (request: SharedRequest) => Values | Promise<Values>,
  place: RunPlace | undefined,
): Mount {
  if (!settings.end) throw new TypeError('A shared source marks its end: leave out end, or share')
  const pubsub = place?.pubsub.runStore ? place.pubsub : new PubSub()
  const where = place ?? NOWHERE
  const runs = new Runs(where.path, share, pubsub, open, where.activity)
  place?.added(runs)
  const close = async () => {
    await runs.close()
    if (pubsub !== place?.pubsub) await pubsub.close()
  }
  const prepare = async ({ ctx, connection, lastEventId }: Opening) => {
    const viewer = { ctx, connection }
    const { run, standing } = runs.enter(await runs.keyOf(ctx), viewer)
    connection.attach({ left: () => run.leave(viewer) })
    const entered = await standing.catch(error => ofStore(ctx, error, where))
    if (!entered) return () => void turnAway(connection)
    if (connection.left) run.leave(viewer)
    return () => void sendRun(viewer, pubsub, run, entered, share.replay, lastEventId)
  }
  const common = { areLastHere: runs.areLastHere, finished: (within: number) => runs.finished(within), close }
  return mount(settings, where, prepare, common)
}

// While the store cannot be reached, or what it has of the run is none of ours, the client is to come back: any status but 200 would
// stop an EventSource for good.
function ofStore(ctx: Context, error: unknown, { activity, path }: Place): undefined {
  if (error instanceof TooManyRuns) throw new Refused('runs')
  if (!(error instanceof SseError)) throw error
  if (isPassing(error)) return
  activity.fail({ error, path })
  ctx.app.emit('error', error, ctx)
}
