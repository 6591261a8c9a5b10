import { kinds } from './kinds.mjs'
import { watchMemory } from './meter.mjs'
import { cores, Late, startClient, Worker } from './processes.mjs'

/** Part of the machine's time that may be taken away by others on its host before a run is made anew. */
const MOST_STOLEN = 0.08

/** One run of one workload on one server, made anew at most twice if the machine was not our own. */
export async function measure(server, workload) {
  for (let tries = 1; ; tries++) {
    const row = await once(server, workload)
    if (row.error || row.stolen < MOST_STOLEN || tries === 3) return { ...row, tries }
  }
}

async function once({ file, env }, workload) {
  const server = new Worker(file, cores.server, { env })
  const client = startClient()
  const memory = watchMemory(server)
  try {
    const { port, acks } = await server.told('ready', 15_000)
    return await kinds[workload.kind]({ server, client, memory, port, acks }, workload)
  } catch (error) {
    return { error: error.message, late: error instanceof Late }
  } finally {
    memory.stop()
    await Promise.all([client.stop(), server.stop()])
  }
}
