import process from 'node:process'
import { setTimeout } from 'node:timers/promises'

export const ROUNDS = 3

/** The middle of a list of numbers; of a list of objects, of each of their fields. */
export function median(values) {
  if (typeof values[0] === 'number') return values.toSorted((a, b) => a - b)[values.length >> 1]
  return Object.fromEntries(Object.keys(values[0]).map(name => [name, median(values.map(value => value[name]))]))
}

/** Calls `send` so many times, a number of them at once. Microseconds for each: on the clock, of CPU here and in Redis. */
export async function burst(redis, count, inFlight, send, done = async () => {}) {
  const redisBefore = await redis.cpu()
  const scripts = await redis.scripts()
  const cpu = process.cpuUsage()
  const began = performance.now()
  let sent = 0
  const lane = async () => {
    while (sent < count) await send(sent++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  const clock = ((performance.now() - began) * 1_000) / count
  const { user, system } = process.cpuUsage(cpu)
  await done()
  const redisCpu = ((await redis.cpu()) - redisBefore) / count
  const { calls, usec } = await redis.scripts()
  const script = calls > scripts.calls ? (usec - scripts.usec) / (calls - scripts.calls) : 0
  return { clock, cpu: (user + system) / count, redisCpu, script }
}

/** Asks until it is so. */
export async function until(condition, pause = 10, ms = 60_000) {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`This did not come true in ${ms} ms: ${condition}`)
    await setTimeout(pause)
  }
}

/** Bytes in use, once what is not is gone: of a process that was started with --expose-gc. */
export function heap() {
  for (let n = 0; n < 3; n++) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Prints rows, which all have the same names, as a table. */
export function table(title, rows) {
  const names = Object.keys(rows[0])
  const line = cells => `| ${cells.join(' | ')} |`
  console.log(`\n${title}\n`)
  console.log([line(names), line(names.map(() => '---')), ...rows.map(row => line(Object.values(row)))].join('\n'))
}

/** A number with as many digits as it is worth. */
export const round = (number, digits = number < 10 ? 2 : number < 100 ? 1 : 0) =>
  Number(number.toFixed(digits)).toLocaleString('en')
