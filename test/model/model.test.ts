import { describe, expect, test } from '@jest/globals'
import { emptyTally, type Tally } from './client.js'
import { Schedule } from './schedule.js'

/** Schedules of each kind that give 100,000 deliveries and meet every reason of a reset. */
const ENOUGH = 3_500

/** The first seed, and how many follow: MODEL_SEED=7 repeats one schedule, MODEL_RUNS=100000 widens. */
const SEED = Number(process.env.MODEL_SEED ?? 1)
const RUNS = Number(process.env.MODEL_RUNS ?? (process.env.MODEL_SEED === undefined ? ENOUGH : 1))

/** Lines of the end of a failing schedule's trace that are shown. */
const SHOWN = 60

describe('a channel, under every order of what can happen to it', () => {
  test('announces every hole, gives nothing twice and leaves nobody behind, whatever fails', async () => {
    const { deliveries, replayed, resets } = await runAll('hostile')
    if (RUNS < ENOUGH) return
    expect(deliveries).toBeGreaterThan(100_000)
    expect(replayed).toBeGreaterThan(RUNS)
    for (const [reason, count] of Object.entries(resets)) expect([reason, count > 0]).toEqual([reason, true])
  }, 3_600_000)

  test('resets nobody when messages are only lost, doubled or late', async () => {
    const { deliveries, resets } = await runAll('lossy')
    expect(resets).toEqual(emptyTally().resets)
    if (RUNS >= ENOUGH) expect(deliveries).toBeGreaterThan(100_000)
  }, 3_600_000)
})

async function runAll(profile: 'hostile' | 'lossy'): Promise<Tally> {
  const total = emptyTally()
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const { tally, broken } = await new Schedule(seed, profile).run()
    if (broken !== undefined) throw new Error(await retold(seed, profile, broken))
    add(total, tally)
  }
  report(profile, total)
  return total
}

async function retold(seed: number, profile: 'hostile' | 'lossy', broken: string): Promise<string> {
  const { trace } = await new Schedule(seed, profile, true).run()
  return `MODEL_SEED=${seed} (${profile}): ${broken}\n${trace.slice(-SHOWN).join('\n')}`
}

function add(total: Tally, { deliveries, replayed, repeated, resets }: Tally): void {
  total.deliveries += deliveries
  total.replayed += replayed
  total.repeated += repeated
  for (const reason of Object.keys(resets) as (keyof typeof resets)[]) total.resets[reason] += resets[reason]
}

function report(profile: string, { deliveries, replayed, repeated, resets }: Tally): void {
  const told = Object.values(resets).reduce((sum, count) => sum + count, 0)
  process.stdout.write(
    `model, ${profile}, seeds ${SEED} to ${SEED + RUNS - 1}: ${deliveries} deliveries, ${replayed} of them replayed, ` +
      `${told} resets, ${repeated} events again after one\n`,
  )
}
