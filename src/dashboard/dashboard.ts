import type { Context, Middleware } from 'koa'
import { ServerSentEvent } from '../event.js'
import { faultOf } from '../names.js'
import type { SourceOptions } from '../options.js'
import { publisher } from '../publisher.js'
import type { Access } from '../request.js'
import type { SharedRequest, StreamRequest } from '../source.js'
import { streamGen } from '../source-mounts.js'
import { ender } from './actions.js'
import { pageFiles, sendFile } from './files.js'
import { enter, harden, isSameOrigin } from './guard.js'
import type { DashboardHost } from './host.js'
import { Incidents } from './incidents.js'
import { type DashboardOptions, dashboardSettings } from './options.js'
import { keyOf, queryOf } from './query.js'
import { Recorder } from './recorder.js'
import { snapshot } from './snapshot.js'
import { watch } from './watch.js'

/** The middleware of a dashboard, to be mounted at `dashboardPath(path)`. */
export interface Dashboard extends Middleware {
  /** Ends its streams, and forgets what it kept. */
  close(): Promise<void>
}

interface Part {
  readonly method: 'GET' | 'POST'
  readonly middleware: Middleware
}

const STREAM = { retry: 1_000, maxBuffered: 262_144, writeTimeout: 30_000, maxDuration: 900_000 }

/** The path and all below it, whose rest is told as the parameter `rest`. */
export const dashboardPath = (path: string) => `${path.replace(/\/$/, '')}{/*rest}`

/**
 * Serves a page that shows what a router does, and the streams that feed it, which are not counted among the router's.
 * @throws TypeError for options that cannot be used, or without `authorize` outside development.
 */
export function dashboard(host: DashboardHost, options: DashboardOptions = {}): Dashboard {
  const settings = dashboardSettings(options)
  const recorder = new Recorder(() => host.stats())
  const incidents = new Incidents(host.activity)
  const granted = new WeakMap<Context, Access>()
  const stream = { ...STREAM, authorize: (ctx: Context) => granted.get(ctx) ?? false } // which ends it at a date
  const feed = feedOf({ host, recorder, incidents, readOnly: settings.readOnly }, stream)
  const watched = watchOf(host, stream)
  const parts = new Map<string, Part>([
    ['feed', get(feed)],
    ['watch', get(watched)],
    ['history', get(historyOf(recorder))],
    ...(settings.readOnly ? [] : actions(host)),
  ])

  const middleware: Middleware = async (ctx, next) => {
    const name = ctx.params.rest ?? ''
    const part = parts.get(name)
    if (!part && name !== '' && !pageFiles().has(name)) return next()
    harden(ctx)
    const access = await enter(ctx, settings)
    if (access === false) return
    granted.set(ctx, access)
    if (!allows(ctx, part?.method ?? 'GET')) return
    if (name === '') return sendPage(ctx)
    if (!isSameOrigin(ctx)) return
    return part ? part.middleware(ctx, next) : sendFile(ctx, name)
  }

  const close = async () => {
    await Promise.all([feed.close(), watched.close()])
    recorder.close()
    incidents.close()
  }
  return Object.assign(middleware, { close })
}

const get = (middleware: Middleware): Part => ({ method: 'GET', middleware })
const post = (middleware: Middleware): Part => ({ method: 'POST', middleware })

function actions(host: DashboardHost): [string, Part][] {
  return [
    ['publish', post(publisher(host.pubsub))],
    ['end', post(ender(host))],
  ]
}

function allows(ctx: Context, method: Part['method']): boolean {
  if (ctx.method === method || (method === 'GET' && ctx.method === 'HEAD')) return true
  ctx.status = 405
  ctx.set('Allow', method === 'GET' ? 'GET, HEAD' : method)
  return false
}

// The page's addresses are relative, so that it works wherever it is mounted: its own has to end with a slash.
function sendPage(ctx: Context): void {
  if (ctx.path.endsWith('/')) sendFile(ctx, 'index.html')
  else ctx.redirect(`${ctx.path.slice(ctx.path.lastIndexOf('/') + 1)}/${ctx.search}`)
}

function historyOf(recorder: Recorder): Middleware {
  return ctx => {
    ctx.body = recorder.history
  }
}

type Sources = Parameters<typeof snapshot>[0]

// Pages that ask the same share one work and one text.
function feedOf(sources: Sources, options: SourceOptions) {
  const { recorder } = sources
  async function* snapshots({ key, signal }: SharedRequest) {
    const query = queryOf(key)
    recorder.enter()
    try {
      for (;;) {
        yield new ServerSentEvent(await snapshot(sources, query), { event: 'snapshot' })
        await recorder.next(signal)
      }
    } finally {
      recorder.leave()
    }
  }
  return streamGen(snapshots, { ...options, share: keyOf, replay: 'latest', linger: 0, keep: 0, maxEvents: 10 })
}

function watchOf({ pubsub }: DashboardHost, options: SourceOptions) {
  const opened = ({ ctx, signal, lastEventId }: StreamRequest) => {
    const channel = [ctx.query.channel].flat()[0]
    const fault = faultOf(channel)
    if (fault !== undefined) ctx.throw(400, fault)
    return watch(pubsub, channel as string, signal, lastEventId)
  }
  return streamGen(opened, { ...options, end: false })
}
