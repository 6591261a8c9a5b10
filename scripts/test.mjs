import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { textOf } from './lib/files.mjs'
import { chromium, firefox, haproxy, nginx, redis, varnish } from './lib/programs.mjs'
import { Failure, main, root, runNode } from './lib/run.mjs'
import { setup } from './lib/setup.mjs'

const checks = [
  ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.json'],
]
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']

main(async () => {
  const jestArgs = process.argv.slice(2)
  await setup([chromium, redis], [nginx, haproxy, varnish, firefox])
  if (jestArgs.length === 0) await check()
  else console.error('With arguments only jest runs, not the linter and the type check.')
  await test(jestArgs)
})

async function check() {
  for (const command of checks) {
    const code = await runNode(command)
    if (code !== 0) throw new Failure(`${command[0].split('/').pop()} failed, so the tests were not run.`, code)
  }
}

// Half of the time tests wait for pages and clients. Those run beside all others, each half one file after another: with more at once,
// what counts or measures would be disturbed.
const pages = 'test/(end-to-end|compatibility)/'
const halves = [
  ['--maxWorkers=1', `--testPathPatterns=${pages}`],
  ['--maxWorkers=1', `--testPathIgnorePatterns=${pages}`, '/node_modules/'],
]

async function test(jestArgs) {
  const shares = jestArgs.length > 0 ? [jestArgs] : halves
  const results = await Promise.all(shares.map((args, index) => share(args, `.setup/jest-${index}.json`)))
  conclude(results)
}

// Resolves to what jest says of its share of the tests.
async function share(jestArgs, resultsFile) {
  rmSync(join(root, resultsFile), { force: true })
  const reporting = ['--json', `--outputFile=${resultsFile}`]
  const kill = jestArgs.some(arg => arg.startsWith('--watch')) ? undefined : whenOverdue(join(root, resultsFile))
  // Jest keeps a NODE_ENV that is already set, and the tests are written for one.
  // A Redis of the developer's is none of the tests' business: they start their own.
  const env = { NODE_ENV: 'test', REDIS_URL: '', SSE_REDIS_URL: '' }
  const code = await runNode([...jest, ...reporting, ...jestArgs], { env, kill })
  process.exitCode = process.exitCode || code
  if (kill?.aborted) console.error('Jest was ended by force: a test has left something open.')
  return JSON.parse(textOf(resultsFile) ?? '{}')
}

// Jest waits without end for what a test left open. Forcing it to exit would hide that, so it gets some time first.
function whenOverdue(results) {
  const overdue = new AbortController()
  const look = () => existsSync(results) && Date.now() - statSync(results).mtimeMs > 10_000 && overdue.abort()
  setInterval(look, 1_000).unref()
  return overdue.signal
}

function conclude(results) {
  const sum = name => results.reduce((total, { [name]: count = 0 }) => total + count, 0)
  const passed = sum('numPassedTests')
  const skipped = sum('numPendingTests') + sum('numTodoTests')
  // A file that could not be loaded counts as one failure: jest counts none of its tests.
  const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites')
  if (passed + failed === 0) {
    console.error('No test was run.')
    process.exitCode = process.exitCode || 1
  }
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}
