import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf, textOf } from './files.mjs'
import { Failure, root, run } from './run.mjs'

const stampFile = 'node_modules/.koa-eventfeed-stamp'

/** Makes node_modules match package-lock.json; does nothing if it already does. */
export async function installDependencies() {
  if (textOf(stampFile) === stamp()) return
  rmSync(join(root, stampFile), { force: true })
  console.error('Installing the dependencies (npm ci)')
  // The level is given because `npm test --silent` would hide the reason of a failure too.
  const code = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=notice'])
  if (code !== 0) throw new Failure(`npm ci failed with exit code ${code}; its own messages are above.`, code)
  writeFileSync(join(root, stampFile), stamp())
}

// npm rewrites the inner lock file whenever it changes node_modules, so an `npm prune` by hand is noticed too.
// The platform is in it because several dependencies are native programs.
function stamp() {
  const locks = hashOf(['package-lock.json', 'node_modules/.package-lock.json'])
  return `${process.platform}-${process.arch} ${locks}`
}
