import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { main, root } from './lib/run.mjs'
import { setup } from './lib/setup.mjs'

main(async () => {
  await setup()
  const server = join(root, 'build/examples/server.js')
  // Loaded here, not as a child, so that every way to end this process ends the server;
  // it then finds things as if it had been started by hand.
  process.chdir(root)
  process.argv = [process.execPath, server]
  await import(pathToFileURL(server).href)
})
