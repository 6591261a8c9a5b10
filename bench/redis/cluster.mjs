// node:cluster: a primary process that takes connections and hands them to workers, each a server of its own on one port.
import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const exec = fileURLToPath(new URL('./cluster-worker.mjs', import.meta.url))

/** Resolves to the port that all workers share. */
export async function serve(way, url, number) {
  cluster.setupPrimary({ exec, args: [way, url] })
  const workers = Array.from({ length: number }, () => cluster.fork())
  const ports = await Promise.all(workers.map(answerOf))
  return ports[0]
}

/** Microseconds of CPU that each worker has used. */
export function cpus() {
  return Promise.all(
    Object.values(cluster.workers).map(worker => {
      worker.send('cpu')
      return answerOf(worker)
    }),
  )
}

async function answerOf(worker) {
  const [answer] = await once(worker, 'message')
  return answer
}
