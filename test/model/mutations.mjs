// Takes each rule of resuming out of the code, in a copy of the project, and shows that the model notices.
//   node test/model/mutations.mjs [schedules per profile]
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mutations } from './rules.mjs'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'plugins', 'test/model', 'jest.config.ts', 'package.json', 'tsconfig.json']
const RUNS = process.argv[2] ?? '3500'
const LONGEST = 300_000

const copy = await mkdtemp(join(tmpdir(), 'model-mutations-'))
try {
  process.exitCode = await runAll()
} finally {
  await rm(copy, { recursive: true })
}

async function runAll() {
  for (const path of COPIED) await cp(join(PROJECT, path), join(copy, path), { recursive: true })
  await symlink(join(PROJECT, 'node_modules'), join(copy, 'node_modules'))
  const untouched = await runModel()
  show('–', 'nothing taken out', untouched)
  if (untouched !== undefined) return 1
  let survived = 0
  for (const mutation of mutations) {
    const outcome = await runMutated(mutation)
    show(mutation.rule, mutation.broken, outcome ?? 'SURVIVED')
    if (outcome === undefined) survived += 1
  }
  return survived === 0 ? 0 : 1
}

async function runMutated({ rule, file, find, put }) {
  const path = join(copy, file)
  const text = await readFile(path, 'utf8')
  if (text.split(find).length !== 2) throw new Error(`${rule}: not found exactly once in ${file}: ${find}`)
  await writeFile(
    path,
    text.replace(find, () => put),
  )
  try {
    return await runModel()
  } finally {
    await writeFile(path, text)
  }
}

/** Runs the model's tests. Resolves to what they say that is wrong, or undefined if they pass. */
async function runModel() {
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', 'test/model', '--verbose', '--ci']
  const child = spawn(process.execPath, jest, {
    cwd: copy,
    env: { ...process.env, MODEL_RUNS: RUNS, FORCE_COLOR: '0' },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data))
  const code = await new Promise(resolve => child.once('close', resolve))
  clearTimeout(timer)
  if (code === 0) return undefined
  return `caught: ${faults(output).join('; ') || `ended with ${code}: ${output.slice(-500)}`}`
}

function faults(output) {
  const seeds = [...output.matchAll(/MODEL_SEED=(\d+) \((\w+)\): (.*)/g)].map(
    ([, seed, profile, what]) => `${profile} seed ${seed} (${what})`,
  )
  const tests = [...output.matchAll(/✕ (.*?)(?: \(\d+ m?s\))?$/gm)].map(([, name]) => `test '${name}'`)
  return seeds.length > 0 ? [...new Set(seeds)] : tests
}

function show(rule, broken, outcome) {
  process.stdout.write(`${rule.padEnd(3)} ${broken.padEnd(58)} ${outcome ?? 'passes'}\n`)
}
