import { BASE } from '../lib/servers.mjs'
import { METRICS, round, serversOf, statOf, timesBetter } from './metrics.mjs'

/** All that was measured, as Markdown. */
export function report(environment, rows) {
  return [
    '# Side by side',
    'Made by `npm run bench`; [what is measured, and how](../../docs/performance.md).',
    about(environment, rows),
    `Medians; in brackets how many times better than ${BASE}.`,
    comparison(rows),
    '## Least and most of the rounds',
    ranges(rows),
    conclusion(rows),
    '',
  ].join('\n\n')
}

/** The machine and the versions. */
export function about({ date, machine, pinned, node, packages }, rows) {
  const names = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const where = pinned ? 'server on core 0, client on core 1, loopback' : 'server and client on any core, loopback'
  return `${date}, ${machine}, ${where}. Node ${node}; ${names.join(', ')}. ${roundsOf(rows)} interleaved rounds.`
}

// As an earlier run can be added to, some may have more than others.
function roundsOf(rows) {
  const counts = new Map()
  for (const { workload, series, x, server } of rows) {
    const key = [workload, series, x, server].join()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())]
  return least === most ? `${most}` : `${least} to ${most}`
}

/** A row for each metric, a column for each server. */
export function comparison(rows) {
  const servers = serversOf(rows)
  const measured = METRICS.filter(metric => servers.some(server => statOf(metric, server, rows)))
  const lines = measured.map(metric => [
    metric.workload,
    metric.unit,
    ...servers.map(server => cell(metric, server, rows)),
  ])
  return table(['workload', '', ...servers], lines)
}

function cell(metric, server, rows) {
  const value = statOf(metric, server, rows)
  if (!value) return '–'
  if (value.over) return `> ${value.median}`
  const times = server === BASE ? undefined : timesBetter(metric, value, statOf(metric, BASE, rows))
  return times === undefined ? round(value.median) : `${round(value.median)} (${round(times)}×)`
}

function ranges(rows) {
  const lines = METRICS.flatMap(metric =>
    serversOf(rows).flatMap(server => {
      const value = statOf(metric, server, rows)
      if (!value || value.over) return []
      const runs = rows.filter(row => row.workload === metric.workload && row.server === server && !row.error)
      const client = Math.max(...runs.map(row => row.clientBusy))
      const numbers = [value.least, value.median, value.most].map(round)
      return [[metric.workload, metric.unit, server, ...numbers, `${round(client * 100)} %`]]
    }),
  )
  return table(['workload', '', 'server', 'least', 'median', 'most', 'client busy'], lines)
}

function conclusion(rows) {
  const errors = rows.reduce((sum, row) => sum + (row.errors ?? 0), 0)
  const events = rows.reduce((sum, row) => sum + (row.events ?? 0), 0)
  const late = rows.filter(row => row.error).map(row => `${row.server} in ${row.workload} (${row.error})`)
  const failed = late.length > 0 ? ` Not finished: ${[...new Set(late)].join(', ')}.` : ''
  return `${events.toLocaleString('en')} events were received; ${errors} were missing, doubled, out of order or wrongly framed.${failed}`
}

/** A table in Markdown. */
export function table(head, lines) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n')
}
