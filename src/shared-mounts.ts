import { isPassing } from './errors.js'
import { mount, type Opening, type StreamMiddleware, turnAway } from './mount.js'
import type { SourceSettings } from './options.js'
import { PubSub } from './pubsub.js'
import { sendRun } from './run-stream.js'
import { Runs } from './runs.js'
import type { ShareSettings } from './share.js'
import type { SharedRequest, Values } from './source.js'

/** Where the runs of a mount are kept. */
export interface RunPlace {
  /** The mount's path: mounts that have the same, in processes that share a store, share their runs. */
  readonly path: string
  readonly pubsub: PubSub
  /** Called with the mount's runs. */
  added(runs: Runs): void
}

/**
 * A mount whose source is run once for all viewers, or for all of a key.
 * @throws TypeError where the end of a run is not marked: viewers that come back could not be told that it is over.
 */
export function mountShared(
  settings: SourceSettings,
  share: ShareSettings,
  open: (request: SharedRequest) => Values | Promise<Values>,
  place: RunPlace | undefined,
): StreamMiddleware {
  if (!settings.end) throw new TypeError('A shared source marks its end: leave out end, or share')
  const pubsub = place?.pubsub.runStore ? place.pubsub : new PubSub()
  const runs = new Runs(place?.path ?? '', share, pubsub, open)
  place?.added(runs)
  const close = async () => {
    await runs.close()
    if (pubsub !== place?.pubsub) await pubsub.close()
  }
  const prepare = async ({ ctx, connection, lastEventId }: Opening) => {
    const viewer = { ctx, connection }
    const { run, standing } = runs.enter(await runs.keyOf(ctx), viewer)
    connection.attach({ left: () => run.leave(viewer) })
    const entered = await standing.catch(unlessPassing)
    if (!entered) return () => void turnAway(connection)
    if (connection.left) run.leave(viewer)
    return () => void sendRun(viewer, pubsub, run, entered, share.replay, lastEventId)
  }
  return mount(settings, prepare, close)
}

// While the store cannot be reached the client is to come back: any status but 200 would stop an EventSource for good.
function unlessPassing(error: unknown): undefined {
  if (!isPassing(error)) throw error
}
