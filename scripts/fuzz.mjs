// Tries inputs on the code as it is: `npm run fuzz -- --inputs 1000000 --seed 7`. Also --target lines,headers,bodies,fields,redis,
// and --only bodies:123 to make one attempt again. Ends with exit code 1, the seed and the input where something is found.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { main, root } from './lib/run.mjs'

/** Suspects that are tried alone where the process failed while they were under way together. */
const MOST = 64

main(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
  try {
    const program = await bundled(folder)
    const args = process.argv.slice(2)
    const { code, suspects } = await run(program, args)
    if (code !== 0 && suspects.length > 1) await singleOut(program, args, suspects.slice(0, MOST))
    process.exitCode = code
  } finally {
    rmSync(folder, { recursive: true })
  }
})

async function bundled(folder) {
  const outfile = join(folder, 'fuzz.mjs')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const entryPoints = [join(root, 'test/fuzz/main.ts')]
  const tsconfig = join(root, 'tsconfig.json')
  await build({
    entryPoints,
    outfile,
    tsconfig,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    target: 'node20',
  })
  return outfile
}

// Sources are mapped, so that what is found names a line of the code.
function run(program, args, stdio = 'inherit') {
  return new Promise((resolve, reject) => {
    const flags = ['--expose-gc', '--max-old-space-size=1024']
    const child = spawn(process.execPath, [...flags, program, ...args], {
      cwd: root,
      stdio: [stdio, stdio, stdio, 'ipc'],
    })
    let suspects = []
    child.on('message', named => {
      suspects = named
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code: code ?? 1, signal, suspects }))
  })
}

async function singleOut(program, args, suspects) {
  const seed = args.includes('--seed') ? [] : undefined
  if (!seed) return console.error('Give the --seed that is shown above, and it is tried which of them it was.')
  for (const suspect of suspects) {
    const { code } = await run(program, [...args, '--only', suspect], 'ignore')
    if (code !== 0) return console.error(`It is found again by --only ${suspect}`)
  }
  console.error('None of them alone is enough.')
}
