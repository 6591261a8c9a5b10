import process from 'node:process'
import { serve } from './apps.mjs'

const [way, url] = process.argv.slice(2)
const port = await serve(way, url)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
process.send(port)
