import { main } from './lib/run.mjs'
import { setup } from './lib/setup.mjs'

main(() => setup())
