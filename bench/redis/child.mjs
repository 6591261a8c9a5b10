// A process in which the functions that a module exports are called: see worker.mjs.
import process from 'node:process'

const functions = { ...(await import(process.argv[2])), cpu }

process.on('disconnect', () => process.exit())
process.on('message', async ({ id, name, values }) => {
  try {
    process.send({ id, result: await functions[name](...values) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})

/** Microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return user + system
}
