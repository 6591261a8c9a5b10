import { stolen, stolenPart, usage } from './meter.mjs'

/** Begins to measure. Resolves to what ends it and makes a row of what was counted, and of what `describe` says it is worth. */
export async function begin({ server, client, memory }, isOpen = true) {
  if (isOpen) await client.ask('reset')
  const before = await usage(server)
  const [steal, began] = [stolen(), performance.now()]
  memory.reset()
  return async (describe, given) => {
    const report = given ?? (await client.ask('report'))
    const after = await usage(server)
    const span = (performance.now() - began) / 1_000
    const row = rowOf(describe(report), report, { cpu: after.cpu - before.cpu, span })
    const peak = Math.max(memory.peak(), after.rss)
    return { ...row, peak, grown: peak - before.rss, stolen: stolenPart(stolen() - steal, span) }
  }
}

/** `of`: what the CPU was spent on; `expected`: events; `count`: connections that are to be open. */
function rowOf({ of, expected, count, ...described }, report, { cpu, span }) {
  const { gaps, doubles, broken, refused, p50, p99, events, active, open, churned } = report
  const missing = expected === undefined ? 0 : expected - events
  const dropped = count === undefined ? 0 : Math.max(0, count - open)
  return {
    ...{ ...described, events, p50, p99, span },
    cpu: (cpu / of) * 1e6,
    busy: cpu / span,
    clientBusy: report.cpu / report.seconds,
    ...(events > 0 && { rate: events / active }),
    ...(churned > 0 && { rate: churned / span }),
    errors: gaps + doubles + broken + refused + missing + dropped,
  }
}
