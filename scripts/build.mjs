import { build } from './lib/build.mjs'
import { checkNode } from './lib/node-version.mjs'
import { main } from './lib/run.mjs'

main(async () => {
  checkNode()
  await build()
})
