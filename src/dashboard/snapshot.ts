import { hostname } from 'node:os'
import process from 'node:process'
import type { ConnectionStats } from '../activity.js'
import type { ChannelStats } from '../channel.js'
import type { RunStats } from '../runs.js'
import type { Stats } from '../stats.js'
import type { DashboardHost } from './host.js'
import type { Incidents } from './incidents.js'
import type { Query } from './query.js'
import type { Recorder } from './recorder.js'
import { choose } from './top.js'

/** Most rows of a table, and most characters of a text in it. */
const ROWS = 50
const LENGTH = 256

export interface SnapshotSources {
  readonly host: DashboardHost
  readonly recorder: Recorder
  readonly incidents: Incidents
  readonly readOnly: boolean
}

/** All that a page shows, as far as its query asks for it. */
export async function snapshot(
  { host, recorder, incidents, readOnly }: SnapshotSources,
  query: Query,
): Promise<object> {
  const { totals, sample } = recorder.latest
  const [channels, connections, runs] = await Promise.all([
    channelRows(host.channels(), query),
    connectionRows(host.connections(), query),
    runRows(totals.runs),
  ])
  return {
    sample,
    process: { pid: process.pid, host: hostname(), node: process.version, uptime: Math.round(process.uptime()) },
    health: healthOf(host),
    readOnly,
    totals: countsOf(totals),
    channels,
    connections,
    runs,
    incidents: incidents.newest,
  }
}

function healthOf(host: DashboardHost): object {
  const { publishing, receiving, error } = host.health()
  const { code } = (error ?? {}) as { code?: unknown }
  return { publishing, receiving, closing: host.closing, code: typeof code === 'string' ? cut(code) : undefined }
}

const countsOf = ({ runs, ...counts }: Stats) => ({ ...counts, runs: runs.length })

function channelRows(channels: Iterable<ChannelStats>, { channels: text, channelsBy: by }: Query) {
  return choose(channels, {
    matches: ({ name }) => text === '' || name.toLowerCase().includes(text),
    compare: (a, b) => b[by] - a[by] || (a.name < b.name ? -1 : 1),
    limit: ROWS,
  })
}

async function connectionRows(connections: Iterable<ConnectionStats>, { connections: text, connectionsBy: by }: Query) {
  const figure = by === 'age' ? (connection: ConnectionStats) => -connection.opened : (c: ConnectionStats) => c[by]
  const { rows, ...counts } = await choose(connections, {
    matches: connection => text === '' || wordsOf(connection).toLowerCase().includes(text),
    compare: (a, b) => figure(b) - figure(a) || a.id - b.id,
    limit: ROWS,
  })
  return { ...counts, rows: rows.map(shown) }
}

const wordsOf = ({ address, path, key = '', channels }: ConnectionStats) => [address, key, path, ...channels].join('\n')

function shown({ id, address, path, key, channels, opened, events, bytes, held }: ConnectionStats) {
  const [channel] = channels
  const reads = { channel: channel && cut(channel), others: Math.max(0, channels.length - 1) }
  return { id, address, path: cut(path), key: key && cut(key), ...reads, opened, events, bytes, held }
}

function runRows(runs: readonly RunStats[]) {
  return choose(runs, {
    matches: () => true,
    compare: (a, b) => b.viewers - a.viewers || (`${a.mount} ${a.key}` < `${b.mount} ${b.key}` ? -1 : 1),
    limit: ROWS,
  })
}

const cut = (text: string) => (text.length > LENGTH ? `${text.slice(0, LENGTH)}…`.toWellFormed() : text)
