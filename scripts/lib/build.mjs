import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesIn, hashOf, textOf } from './files.mjs'
import { Failure, root, runNode } from './run.mjs'

const compiler = 'node_modules/typescript/bin/tsc'
const shared = ['tsconfig.json', 'package.json', 'package-lock.json', 'node_modules/typescript/package.json']

// The examples compile against what the package exports, which is in dist: the order counts.
const targets = [
  {
    outDir: 'dist',
    project: 'tsconfig.build.json',
    sources: ['src', 'plugins'],
    uses: [],
    pages: 'src/dashboard/page',
  },
  { outDir: 'build', project: 'tsconfig.examples.json', sources: ['examples'], uses: ['dist'] },
]

/**
 * Compiles the package to dist/ and the examples to build/, each only if its inputs or outputs changed since.
 * @throws {Failure} if the compiler finds an error; the outputs are then as they were.
 */
export async function build() {
  if (!existsSync(join(root, compiler))) {
    throw new Failure('The compiler is not installed: run "node scripts/setup.mjs" first.')
  }
  for (const target of targets) {
    if (hasSources(target) && !isFresh(target)) await compile(target)
  }
}

function hasSources({ sources }) {
  return sources.flatMap(filesIn).some(file => file.endsWith('.ts'))
}

function isFresh(target) {
  return textOf(stampFileOf(target)) === stampOf(target)
}

// The output is compiled aside and then swapped in, so that no deleted source's output stays
// and nobody who reads the folder meanwhile finds it empty.
async function compile(target) {
  const aside = join(root, '.setup', target.outDir)
  rmSync(aside, { recursive: true, force: true })
  const code = await runNode([compiler, '--project', target.project, '--outDir', aside])
  if (code !== 0) throw new Failure(`${target.outDir}/ was not built: the compiler's messages are above.`, code)
  // What browsers load is copied as it is.
  if (target.pages) cpSync(join(root, target.pages), join(aside, target.pages), { recursive: true })
  swap(aside, join(root, target.outDir))
  writeFileSync(join(root, stampFileOf(target)), stampOf(target))
}

function swap(aside, inPlace) {
  const old = `${aside}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(inPlace)) renameSync(inPlace, old)
  renameSync(aside, inPlace)
  rmSync(old, { recursive: true, force: true })
}

function stampFileOf({ outDir }) {
  return `.setup/${outDir}.stamp`
}

// Over the outputs too: a dist/ that was deleted, in whole or in part, is not fresh.
function stampOf({ outDir, project, sources, uses }) {
  return `${hashOf([...shared, project, ...sources, ...uses])} ${hashOf([outDir])}`
}
