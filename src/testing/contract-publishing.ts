import assert from 'node:assert/strict'
import type { Plugin } from '../plugin.js'
import { follows, formatPosition, type Position, parsePosition } from '../position.js'
import { numbers, topOf } from './contract-samples.js'
import type { Cases } from './contract-stage.js'

export const publishing: Cases<Plugin> = {
  async 'publish resolves with positions that follow each other'(stage) {
    const positions = await stage.publish(await stage.plugin(), numbers(5))
    for (const [index, position] of positions.slice(1).entries()) assertFollows(position, positions[index] as Position)
  },

  async 'the first event of a channel follows the position that read gave before'(stage) {
    const plugin = await stage.plugin()
    const root = await topOf(plugin, stage.channel)
    assertFollows(await plugin.publish(stage.channel, { data: 'first' }), root)
  },

  async 'events that are published at once get positions of their own, without a gap'(stage) {
    const plugin = await stage.plugin()
    const { offset } = await topOf(plugin, stage.channel)
    const positions = await Promise.all(numbers(20).map(data => plugin.publish(stage.channel, { data })))
    const offsets = positions.map(position => position.offset - offset).sort((a, b) => a - b)
    assert.deepEqual(offsets.map(String), numbers(20))
  },

  async 'every position can be sent as the id of an event'(stage) {
    const plugin = await stage.plugin()
    const root = await topOf(plugin, stage.channel)
    for (const position of [root, ...(await stage.publish(plugin, numbers(3)))]) {
      const { epoch, offset, parent, tag } = position
      const id = formatPosition(position)
      assert.deepEqual(parsePosition(id), { epoch, offset, parent, tag }, `${id} cannot be read again`)
    }
  },

  async 'the tag of an event cannot be told from its place'(stage) {
    const plugin = await stage.plugin()
    const here = await stage.publish(plugin, numbers(3))
    const there = await stage.publish(plugin, numbers(3), `${stage.channel}-2`)
    const isSame = here.every(({ tag }, index) => tag === there[index]?.tag)
    assert.ok(!isSame, `tags must be random: two channels have the tags ${here.map(({ tag }) => tag)}`)
  },
}

function assertFollows(next: Position, previous: Position): void {
  assert.ok(follows(next, previous), `${formatPosition(next)} does not follow ${formatPosition(previous)}`)
}
