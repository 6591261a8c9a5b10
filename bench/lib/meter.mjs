import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'

const hasProc = existsSync('/proc/self/schedstat')

/** CPU seconds and bytes of memory of a process. From outside where the system tells: one that is busy answers late. */
export async function usage(worker) {
  if (hasProc) return fromSystem(worker.pid)
  const { cpu, rss } = await worker.ask('usage')
  return { cpu: (cpu.user + cpu.system) / 1e6, rss }
}

async function fromSystem(pid) {
  const threads = await readdir(`/proc/${pid}/task`)
  const times = await Promise.all(threads.map(id => readFile(`/proc/${pid}/task/${id}/schedstat`, 'latin1')))
  const status = await readFile(`/proc/${pid}/status`, 'latin1')
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(status)
  return { cpu: times.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e9, rss: Number(kilobytes) * 1_024 }
}

/** Watches memory for its peak. */
export function watchMemory(worker) {
  let peak = 0
  const timer = setInterval(async () => {
    const { rss } = await usage(worker).catch(() => ({ rss: 0 }))
    peak = Math.max(peak, rss)
  }, 100)
  return {
    reset: () => {
      peak = 0
    },
    peak: () => peak,
    stop: () => clearInterval(timer),
  }
}

/** Seconds that a hypervisor has given to others, all cores together; 0 where that is not told. */
export function stolen() {
  if (!existsSync('/proc/stat')) return 0
  const [total] = readFileSync('/proc/stat', 'latin1').split('\n')
  return Number(total.trim().split(/\s+/)[8]) / 100
}

/** Which part of the machine was taken away, of so many seconds. */
export const stolenPart = (seconds, span) => seconds / (span * cpus().length)
