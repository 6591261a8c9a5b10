// How the cost of koa-eventfeed grows: with clients, channels, the size of messages, and history.
// Run after `npm run build`: npm run bench:scale [-- options]
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure } from './lib/measure.mjs'
import { Rows } from './lib/rows.mjs'
import { serverOf } from './lib/servers.mjs'
import { scalePlot, scaleReport } from './report/growth.mjs'
import { SERIES } from './series.mjs'
import { short } from './workloads.mjs'

const { values: options } = parseArgs({
  options: {
    series: { type: 'string', default: Object.keys(SERIES).join(',') },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
    append: { type: 'boolean', default: false }, // to the rows of an earlier run, for one in parts
    short: { type: 'boolean', default: false }, // tells only whether all works
  },
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // the others end with this one

const server = serverOf('koa-eventfeed')
const results = new Rows(options.out, 'scale.jsonl', options.append)
let isWrong = false
for (const name of options.series.split(',')) {
  const { points, workload, env } = SERIES[name]
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const x of round % 2 === 0 ? points : points.toReversed()) await run(name, x, workload(x), env)
  }
}
const { where, rows } = results.read()
const report = scaleReport(where, rows)
writeFileSync(join(options.out, 'scale.md'), report)
writeFileSync(join(options.out, 'scale.svg'), scalePlot(rows))
console.log(`\n${report}`)
process.exit(isWrong ? 1 : 0)

async function run(series, x, workload, env) {
  const row = await measure({ ...server, env }, options.short ? short(workload) : workload)
  results.add({ series, x, ...row })
  console.log(series, x, row.error ?? `${row.cpu.toFixed(2)} µs, errors ${row.errors}`)
  isWrong ||= row.error !== undefined || row.errors > 0
}
