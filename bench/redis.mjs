// What one Redis carries. Run after `npm run build`: node bench/redis.mjs [name of a mode, or several; without one, all]
import process from 'node:process'
import { startRedis } from './redis/server.mjs'

const MODES = ['publish', 'processes', 'channels', 'history', 'connections', 'runs']

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // ends the server too

const asked = process.argv.slice(2)
const unknown = asked.find(name => !MODES.includes(name))
if (unknown) {
  console.error(`There is no mode ${unknown}: it is one of ${MODES.join(', ')}`)
  process.exit(2)
}
for (const name of asked.length > 0 ? asked : MODES) {
  const { default: measure } = await import(`./redis/${name}.mjs`)
  const redis = await startRedis()
  const began = performance.now()
  console.log(`\n# ${name} (Redis ${redis.version}, Node ${process.versions.node})`)
  try {
    await measure(redis)
  } finally {
    await redis.stop()
  }
  console.log(`\n${Math.round((performance.now() - began) / 1_000)} s`)
}
process.exit()
