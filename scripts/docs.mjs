import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installDependencies } from './lib/dependencies.mjs'
import { hashOf, textOf } from './lib/files.mjs'
import { checkNode } from './lib/node-version.mjs'
import { Failure, main, root, run, runNode } from './lib/run.mjs'

const tool = 'scripts/docs'
const stampFile = `${tool}/node_modules/.stamp`

// Writes the API reference to docs/reference. Arguments are handed to typedoc: `--out` a folder, `--watch`.
main(async () => {
  checkNode()
  if (textOf('node_modules/.package-lock.json') === undefined) await installDependencies()
  await installTool()
  const typedoc = `${tool}/node_modules/typedoc/bin/typedoc`
  const code = await runNode([typedoc, '--options', `${tool}/typedoc.config.mjs`, ...process.argv.slice(2)])
  if (code !== 0)
    throw new Failure(
      'The reference was not written: each warning above says what is not documented, or not exported.',
      code,
    )
})

// typedoc needs TypeScript 6, for version 7 has no API: so it has a package and a lock file of its own.
async function installTool() {
  if (textOf(stampFile) === stamp()) return
  const code = await run('npm', [
    'ci',
    '--prefix',
    tool,
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=notice',
  ])
  if (code !== 0)
    throw new Failure(`npm ci in ${tool} failed with exit code ${code}; its own messages are above.`, code)
  writeFileSync(join(root, stampFile), stamp())
}

function stamp() {
  return hashOf([`${tool}/package-lock.json`, `${tool}/node_modules/.package-lock.json`])
}
