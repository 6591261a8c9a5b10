import { build } from './build.mjs'
import { installDependencies } from './dependencies.mjs'
import { checkNode } from './node-version.mjs'
import { findOrInstall, findOrSkip } from './programs.mjs'

/**
 * Makes a fresh clone ready to run; does only what is not done yet. `needed` and `wanted` are programs of programs.mjs: without
 * a wanted one it goes on.
 */
export async function setup(needed = [], wanted = []) {
  checkNode()
  for (const program of needed) await findOrInstall(program)
  for (const program of wanted) await findOrSkip(program)
  await installDependencies()
  await build()
}
