import { setTimeout } from 'node:timers/promises'
import { usage } from './meter.mjs'
import { startClient } from './processes.mjs'
import { begin } from './span.mjs'

/** Longest that a workload may take, in ms. */
const LIMIT = 60_000

/** Ways to measure: each is given a server and a client that have been started, and a workload; it resolves to a row. */
export const kinds = {
  /** The server publishes to all. */
  async publish(run, { open, warm, publish, limit = LIMIT, settle = 300 }) {
    await connect(run, open, settle)
    if (warm) await run.server.ask('publish', warm)
    await setTimeout(settle)
    const end = await begin(run)
    const { published, seconds } = await run.server.ask('publish', publish, limit)
    const isRate = publish.mode === 'rate'
    if (isRate) await setTimeout(100) // for what is under way
    const expected = isRate ? {} : { expected: published * open.count }
    return end(report => ({ published, seconds, of: report.events, count: open.count, ...expected }))
  },

  /** Each connection's source runs to its end. */
  async drain(run, { open }) {
    const end = await begin(run, false)
    const over = run.client.told('over', LIMIT)
    await run.client.ask('open', { ...open, port: run.port })
    const report = await over
    const expected = open.count * Number(/n=(\d+)/.exec(open.path)[1])
    return end(() => ({ of: report.events, expected }), report)
  },

  /** Connections come and go. */
  async churn(run, { open, warm, ms, settle = 300 }) {
    await connect(run, open, settle)
    await setTimeout(warm)
    const end = await begin(run)
    await setTimeout(ms)
    return end(report => ({ of: report.churned }))
  },

  /** Clients come back, each with the ID of an event some way back in a log of a certain length, which one other client keeps alive. */
  async joins(run, { open, fill, warm, ms, settle = 300 }) {
    await connect(run, { count: 1 }, settle)
    const { id, next } = await run.server.ask('publish', { mode: 'fill', back: open.churn, ...fill })
    const client = startClient()
    try {
      const joins = { ...run, client, acks: undefined }
      await client.ask('open', { path: '/events', ...open, port: run.port, lastEventId: id, next })
      await setTimeout(warm)
      const end = await begin(joins)
      await setTimeout(ms)
      return await end(report => ({ of: report.churned }))
    } finally {
      await client.stop()
    }
  },

  /** Connections are held, with a comment now and then. */
  async idle(run, { open, ms, settle = 1_000 }) {
    await setTimeout(settle)
    const { rss } = await usage(run.server)
    await connect(run, open, settle)
    const held = (await usage(run.server)).rss - rss
    const end = await begin(run)
    await setTimeout(ms)
    return end(report => ({ of: report.open, count: open.count, perConnection: held / open.count }))
  },
}

async function connect({ client, port, acks }, open, settle) {
  const ready = client.told('ready')
  await client.ask('open', { path: '/events', ...open, port, acks })
  await ready
  await setTimeout(settle)
}
