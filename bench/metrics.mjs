// What the metrics cost: off and on in turn. Run after `npm run build`: node bench/metrics.mjs [--workload W1-1k-b1] [--rounds 3]
import process from 'node:process'
import { parseArgs } from 'node:util'
import { measure } from './lib/measure.mjs'
import { serverOf } from './lib/servers.mjs'
import { median, round } from './report/metrics.mjs'
import { table } from './report/table.mjs'
import { short, WORKLOADS } from './workloads.mjs'

const { values: options } = parseArgs({
  options: {
    workload: { type: 'string', default: 'W8-1k-2000hz' },
    rounds: { type: 'string', default: '3' },
    short: { type: 'boolean', default: false }, // tells only whether all works
  },
})
const workload = options.short ? short(WORKLOADS[options.workload]) : WORKLOADS[options.workload]
const off = serverOf('koa-eventfeed')
const on = { name: 'with metrics', file: new URL('servers/koa-eventfeed-metrics.mjs', import.meta.url) }
const FIGURES = { cpu: 'µs of CPU a delivery', rate: 'deliveries a second', p99: 'µs to the last client, 99 %' }

const rows = { off: [], on: [] }
for (let turn = 0; turn < Number(options.rounds); turn++) {
  const ways = options.short ? ['off', 'on'] : ['off', 'on', 'on', 'off']
  for (const way of ways) rows[way].push(await run(way === 'on' ? on : off))
}
console.log(table([options.workload, off.name, on.name, 'difference'], Object.keys(FIGURES).map(lineOf)))
process.exit()

async function run(server) {
  const row = await measure(server, workload)
  if (row.error || row.errors > 0) throw new Error(`${server.name}: ${row.error ?? `${row.errors} errors`}`)
  return row
}

// What slows the machine down for a while slows both of a pair: so it is pairs that are compared.
function lineOf(field) {
  const pairs = rows.on.map((row, pair) => row[field] / rows.off[pair][field])
  const medians = [rows.off, rows.on].map(runs => round(median(runs.map(row => row[field]))))
  return [FIGURES[field], ...medians, `${((median(pairs) - 1) * 100).toFixed(1)} %`]
}
