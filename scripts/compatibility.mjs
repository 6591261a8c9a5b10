// Writes docs/compatibility.md from the results of the tests in test/compatibility, which it runs; or, with the path of a file that
// `jest --json` has written, from what is in that.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder, rowsOf } from './lib/claims.mjs'
import { page } from './lib/compatibility-page.mjs'
import { textOf } from './lib/files.mjs'
import { chromium, firefox, haproxy, nginx, redis, varnish } from './lib/programs.mjs'
import { Failure, main, root, runNode } from './lib/run.mjs'
import { setup } from './lib/setup.mjs'

const resultsFile = '.setup/compatibility.json'
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']

main(async () => {
  const [given] = process.argv.slice(2)
  const rows = rowsOf(JSON.parse(given ? readFileSync(given, 'utf8') : await results()))
  const known = JSON.parse(textOf(`${folder}/known.json`) ?? '[]')
  const limits = known.map(limit => ({ ...limit, shown: rows.filter(row => shows(row, limit)) }))
  const shown = limits.filter(limit => limit.shown.length > 0)
  writeFileSync(join(root, 'docs/compatibility.md'), page(rows, shown))
  console.log('docs/compatibility.md is written.')
  const notShown = limits.filter(limit => !shown.includes(limit))
  report(notShown, unexplained(rows, known))
})

async function results() {
  await setup([chromium, redis], [nginx, haproxy, varnish, firefox])
  mkdirSync(join(root, '.setup'), { recursive: true })
  rmSync(join(root, resultsFile), { force: true })
  const env = { NODE_ENV: 'test', REDIS_URL: '', SSE_REDIS_URL: '' }
  // A test that fails may leave something open, which is for `npm test` to find.
  await runNode([...jest, '--forceExit', '--json', `--outputFile=${resultsFile}`, folder], { env })
  const json = textOf(resultsFile)
  if (json === undefined) throw new Failure('Jest has written no results: its messages are above.')
  return json
}

// What is said not to work is shown by a test that has run.
function shows(row, limit) {
  return row.claims.some(claim => isOf(limit, row, claim) && claim.result !== 'skipped')
}

function isOf({ what, claim }, row, { name }) {
  return row.what === what && name === claim
}

function unexplained(rows, known) {
  return rows.flatMap(row =>
    row.claims
      .filter(claim => claim.result === 'failed' && !known.some(limit => isOf(limit, row, claim)))
      .map(({ name }) => `${row.title}: ${name}`),
  )
}

function report(notShown, failed) {
  const reports = [
    ['known.json tells of these, and no test has shown them:', notShown.map(({ what, claim }) => `${what}: ${claim}`)],
    ['These failed, and known.json gives no reason:', failed],
  ].filter(([, lines]) => lines.length > 0)
  if (reports.length > 0) throw new Failure(reports.flat(2).join('\n'))
}
