import { parseArgs } from 'node:util'
import { Random } from '../model/random.js'
import { EVENTS, fieldsTarget } from './fields.js'
import { httpTarget } from './http-target.js'
import { bodies, requestHeaders, requestLines } from './kinds.js'
import { PAYLOADS, redisTarget } from './redis.js'
import { grown, resources } from './resources.js'
import { Finding, type Target } from './target.js'

interface Part {
  /** How much of the inputs it gets. */
  readonly share: number
  /** Inputs in one attempt. */
  readonly each: number
  make(): Promise<Target>
}

const PARTS: Record<string, Part> = {
  lines: { share: 0.25, each: 1, make: () => httpTarget(requestLines()) },
  headers: { share: 0.25, each: 1, make: () => httpTarget(requestHeaders()) },
  bodies: { share: 0.2, each: 1, make: () => httpTarget(bodies()) },
  fields: { share: 0.2, each: EVENTS, make: fieldsTarget },
  redis: { share: 0.1, each: PAYLOADS, make: redisTarget },
}

/** The part of a target's inputs after which it is measured for the first time: code is compiled then, and caches are filled. */
const WARM_UP = 0.2

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string' },
    only: { type: 'string' },
  },
})
const seed = Number(values.seed)
const inputs = Number(values.inputs)
if (!(inputs >= 1) || !Number.isInteger(seed)) throw new RangeError('--inputs and --seed take integers')

let current: { name: string; target: Target; attempts: Set<number> } | undefined
for (const failure of ['uncaughtException', 'unhandledRejection', 'warning'] as const) {
  process.on(failure, (error: unknown) => report(new Finding(`${failure}: ${(error as Error).stack ?? error}`, '')))
}

const begun = performance.now()
const counts: string[] = []
if (values.only !== undefined) await again(values.only)
else for (const name of values.target?.split(',') ?? Object.keys(PARTS)) counts.push(await tryAll(name, partOf(name)))
const took = ((performance.now() - begun) / 1_000).toFixed(1)
console.log(`${counts.join(', ')}: nothing found in ${took} s, with --seed ${seed}`)
process.exit() // what is left open was measured

function partOf(name: string): Part {
  const part = PARTS[name]
  if (!part) throw new RangeError(`No target '${name}': there are ${Object.keys(PARTS).join(', ')}`)
  return part
}

async function again(only: string): Promise<void> {
  const [name = '', attempt = ''] = only.split(':')
  await using target = await partOf(name).make()
  current = { name, target, attempts: new Set([Number(attempt)]) }
  await target.attempt(randomOf(name, Number(attempt))).catch(report)
  await new Promise(resolve => setTimeout(resolve, 200)) // what fails later is this one's too
}

async function tryAll(name: string, { share, each, make }: Part): Promise<string> {
  const shareOf = values.target === undefined ? share : 1 / values.target.split(',').length
  const attempts = Math.ceil((inputs * shareOf) / each)
  const before = resources()
  const target = await make()
  current = { name, target, attempts: new Set() }
  const warm = Math.ceil(attempts * WARM_UP)
  await attemptAll(target, name, 0, warm, attempts * each)
  const first = resources()
  await attemptAll(target, name, warm, attempts, attempts * each)
  const growth = grown(first, resources(), { handles: false })
  await target[Symbol.asyncDispose]()
  const left = growth ?? grown({ ...first, handles: before.handles }, await lastly(), { handles: true })
  if (left !== undefined) report(new Finding(left, 'all of them together'))
  return `${attempts * each} ${name}`
}

// What closes sockets and timers does it in a few turns.
async function lastly() {
  await new Promise(resolve => setTimeout(resolve, 100))
  return resources()
}

async function attemptAll(target: Target, name: string, from: number, to: number, all: number): Promise<void> {
  let next = from
  let shown = performance.now()
  const { each } = partOf(name)
  const lane = async () => {
    while (next < to) {
      const attempt = next++
      current?.attempts.add(attempt)
      await target.attempt(randomOf(name, attempt)).catch(report)
      current?.attempts.delete(attempt)
      if (performance.now() - shown < 5_000) continue
      shown = performance.now()
      console.log(`${name}: ${attempt * each} of ${all}`)
    }
  }
  await Promise.all(Array.from({ length: target.width }, lane))
  await target.settle().catch(report)
}

// Each attempt has random numbers of its own, so that it can be made again without those before.
function randomOf(name: string, attempt: number): Random {
  const mixed = [...`${name} ${attempt}`].reduce(
    (sum, char) => Math.imul(sum ^ char.charCodeAt(0), 16_777_619),
    seed ^ 0x811c9dc5,
  )
  return new Random(mixed)
}

function report(error: unknown): never {
  const { name = '', target, attempts = [] } = current ?? {}
  console.error(`\nFound by --seed ${seed} in ${name}: ${(error as Error).message}`)
  if (!(error instanceof Finding)) console.error(error)
  const isOne = error instanceof Finding && error.input !== ''
  const inputs = isOne ? [error.input] : (target?.underWay() ?? [])
  for (const input of inputs)
    console.error(`The input${isOne ? '' : ', or one of those'}: ${input.slice(0, isOne ? 2_000 : 300)}`)
  process.send?.([...attempts].map(attempt => `${name}:${attempt}`))
  process.exit(1)
}
