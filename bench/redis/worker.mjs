import { fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of its own, in which the functions that a module exports can be called. */
export async function startWorker(module) {
  const child = fork(new URL('./child.mjs', import.meta.url), [module], { execArgv: ['--expose-gc'] })
  const waiting = new Map()
  let last = 0
  child.on('message', ({ id, result, error }) => {
    if (error) waiting.get(id)?.reject(new Error(error))
    else waiting.get(id)?.resolve(result)
    waiting.delete(id)
  })
  const call = (name, ...values) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject })
      child.send({ id: last, name, values })
    })
  const end = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await call('cpu')
  return { call, cpu: () => call('cpu'), end }
}
