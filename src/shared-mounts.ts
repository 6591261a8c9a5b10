import { mount, type StreamMiddleware } from './mount.js'
import type { SourceSettings } from './options.js'
import { PubSub } from './pubsub.js'
import type { RunRequest } from './run.js'
import { sendRun } from './run-stream.js'
import { Runs } from './runs.js'
import type { ShareSettings } from './share.js'
import type { Values } from './source.js'

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
  open: (request: RunRequest) => Values | Promise<Values>,
  place: RunPlace | undefined,
): StreamMiddleware {
  if (!settings.end) throw new TypeError('A shared source marks its end: leave out end, or share')
  const pubsub = place?.pubsub.runStore ? place.pubsub : new PubSub()
  const runs = new Runs(place?.path ?? '', share, pubsub, open)
  place?.added(runs)
  const middleware = mount(settings, async ({ ctx, connection, lastEventId }) => {
    const run = await runs.of(ctx)
    const viewer = { ctx, connection }
    connection.onLeave(() => run.leave(viewer))
    const standing = await run.enter(viewer)
    if (connection.left) run.leave(viewer)
    return () => void sendRun(viewer, pubsub, run, standing, share.replay, lastEventId)
  })
  const close = async () => {
    await Promise.all([middleware.close(), runs.close()])
    if (pubsub !== place?.pubsub) await pubsub.close()
  }
  return Object.assign(
    (ctx: Parameters<typeof middleware>[0], next: Parameters<typeof middleware>[1]) => middleware(ctx, next),
    {
      close,
      disconnect: middleware.disconnect,
    },
  )
}
