import { expect, test } from '@jest/globals'
import { readsOf } from './reads.js'
import { Stage } from './stage.js'

test.each([
  ['the same position', 1],
  ['five positions', 5],
  ['a hundred positions', 100],
])(
  '500 clients that come at once from %s, to a server that has just begun, cost one read each position',
  async (_, distinct) => {
    await using stage = await Stage.start({ servers: 1 })
    const show = await stage.show(1, 1)
    const ids: string[] = []
    for (let n = 0; n < 200; n++) ids.push((await show.publish()).id as string)
    await show.end()
    await stage.end(0, 'SIGKILL')
    await stage.restart(0)
    using reads = await readsOf(stage.redis.redis)
    await show.open(500, stage.ports, ids.slice(50, 50 + distinct))
    const { problems, resets, deliveries } = await show.end()
    expect({ problems, resets }).toEqual({ problems: [], resets: [] })
    expect(deliveries).toBeGreaterThan(500 * 50)
    // One more, when the server begins to follow the channel.
    expect(reads.from.length).toBe(distinct + 1)
    expect(new Set(reads.from).size).toBe(distinct + 1)
  },
)
