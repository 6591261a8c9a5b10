/** Answers the calls of the process that has started this one, which ends with it. */
export function answer(calls) {
  process.on('message', async ({ call, name, args }) => {
    try {
      reply({ call, value: await calls[name](...args) })
    } catch (error) {
      reply({ call, error: String(error.stack ?? error) })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** Tells it something that it has not asked for. */
export function tell(event, value) {
  reply({ event, value })
}

export const options = JSON.parse(process.argv[2] ?? '{}')

function reply(message) {
  if (process.connected) process.send(message)
}
