import { build } from './build.mjs'
import { installDependencies } from './dependencies.mjs'
import { checkNode } from './node-version.mjs'
import { findOrInstall } from './programs.mjs'

/** Makes a fresh clone ready to run; does only what is not done yet. `programs` are those of programs.mjs that are needed. */
export async function setup(programs = []) {
  checkNode()
  for (const program of programs) await findOrInstall(program)
  await installDependencies()
  await build()
}
