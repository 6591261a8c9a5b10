// What one Redis carries. Run after `npm run build`: node bench/redis.mjs [--short] [name of a mode, or several; without one, all]
// `--short` only shows that it works: its figures are worth nothing.
import process from 'node:process'
import { startRedis } from './redis/server.mjs'

const MODES = ['publish', 'processes', 'connections', 'cores', 'channels', 'history', 'runs']

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // ends the server too

const short = process.argv.includes('--short')
const asked = process.argv.slice(2).filter(name => name !== '--short')
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
    await measure(redis, { short })
  } finally {
    await redis.stop()
  }
  console.log(`\n${Math.round((performance.now() - began) / 1_000)} s`)
}
process.exit()
