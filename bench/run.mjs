// koa-eventfeed and its peers side by side. Run after `npm run build`: npm run bench [-- options]
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure } from './lib/measure.mjs'
import { Rows } from './lib/rows.mjs'
import { BASE, installPeers, SERVERS, serverOf } from './lib/servers.mjs'
import { round } from './report/metrics.mjs'
import { barPlot } from './report/plot.mjs'
import { about, comparison, report } from './report/table.mjs'
import { short, WORKLOADS } from './workloads.mjs'

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: SERVERS.join(',') }, // or files of your own
    workloads: { type: 'string', default: Object.keys(WORKLOADS).join(',') },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
    append: { type: 'boolean', default: false }, // to the rows of an earlier run, for one in parts
    short: { type: 'boolean', default: false }, // tells only whether all works
  },
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // the others end with this one

const servers = options.servers.split(',').map(serverOf)
const workloads = options.workloads.split(',')
const unknown = workloads.find(name => !WORKLOADS[name])
if (unknown) throw new Error(`There is no workload ${unknown}: it is one of ${Object.keys(WORKLOADS).join(', ')}`)

installPeers(servers)
const results = new Rows(options.out, 'peers.jsonl', options.append)
const { rows: earlier } = results.read()
let isWrong = false
for (const name of workloads) {
  const first = 1 + Math.max(-1, ...earlier.filter(row => row.workload === name).map(row => row.round))
  for (let turn = first; turn < first + Number(options.rounds); turn++) {
    // Each in turn, and every other time the other way round: what slows the machine down slows all of them.
    for (const server of turn % 2 === 0 ? servers : servers.toReversed()) await run(server, name, turn)
  }
}
writeReport()
process.exit(isWrong ? 1 : 0)

async function run(server, workload, turn) {
  const what = WORKLOADS[workload]
  const row = await measure(server, options.short ? short(what) : what)
  results.add({ round: turn, workload, server: server.name, ...row })
  console.log(turn, workload, server.name, row.error ?? summary(row))
  isWrong ||= row.errors > 0 || (row.error !== undefined && !row.late)
}

function summary({ cpu, busy, rate, p50, p99, peak, errors, clientBusy }) {
  const waits = p50 === undefined ? '' : `, last client ${round(p50 / 1_000)} ms, ${round(p99 / 1_000)} ms`
  const load = `busy ${round(busy * 100)} %, client ${round(clientBusy * 100)} %, ${round(peak / 1e6)} MB`
  return `${round(cpu)} µs, ${round(rate ?? 0)}/s${waits}, ${load}, errors ${errors}`
}

function writeReport() {
  const { where, rows } = results.read()
  writeFileSync(join(options.out, 'peers.md'), report(where, rows))
  const note = `N×: better than ${BASE} so many times. ${where.machine}; Node ${where.node}; ${where.date}`
  writeFileSync(join(options.out, 'peers.svg'), barPlot(rows, note))
  console.log(`\n${about(where, rows)}\n\n${comparison(rows)}\n`)
}
