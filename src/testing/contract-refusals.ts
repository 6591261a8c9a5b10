import assert from 'node:assert/strict'
import type { Plugin } from '../plugin.js'
import { formatPosition, type Position } from '../position.js'
import { dataOf, numbers, topOf } from './contract-samples.js'
import type { Cases } from './contract-stage.js'

export const refusals: Cases<Plugin> = {
  async 'a channel keeps as many events as it is told, and who has all but those gets them'(stage) {
    const plugin = await stage.plugin(5)
    const positions = await stage.publish(plugin, numbers(12))
    const result = await plugin.read(stage.channel, positions[6], 100)
    assert.deepEqual(result.ok ? dataOf(result.entries) : result.reason, numbers(12).slice(7))
  },

  async 'who misses one event more is told "trimmed"'(stage) {
    const plugin = await stage.plugin(5)
    const root = await topOf(plugin, stage.channel)
    const positions = await stage.publish(plugin, numbers(12))
    for (const after of [positions[5], positions[0], root]) {
      assert.equal(await answer(plugin, stage.channel, after), 'trimmed')
    }
  },

  async 'who misses more than the limit is told "limit", and never gets a part'(stage) {
    const plugin = await stage.plugin()
    const [first, second] = await stage.publish(plugin, numbers(5))
    assert.equal(await answer(plugin, stage.channel, second, 3), 'ok')
    assert.equal(await answer(plugin, stage.channel, first, 3), 'limit')
    assert.equal(await answer(plugin, stage.channel, first, 0), 'limit')
  },

  async 'a position of another epoch is answered "epoch"'(stage) {
    const plugin = await stage.plugin()
    const [first, newest] = await stage.publish(plugin, numbers(2))
    for (const position of [first, newest]) {
      const other = { ...(position as Position), epoch: 'another-epoch' }
      assert.equal(await answer(plugin, stage.channel, other), 'epoch')
    }
  },

  async 'a position in a channel that was never used is answered "absent" or "epoch"'(stage) {
    const plugin = await stage.plugin()
    const [position] = await stage.publish(plugin, ['1'], `${stage.channel}-2`)
    assert.match(await answer(plugin, stage.channel, position), /^(absent|epoch)$/)
    assert.match(await answer(plugin, stage.channel, position), /^(absent|epoch)$/, 'asked again')
  },

  async 'a position ahead of the newest is answered "rollback"'(stage) {
    const plugin = await stage.plugin()
    const [newest] = await stage.publish(plugin, ['1'])
    const { offset, tag } = newest as Position
    for (const ahead of [offset + 1, offset + 1_000, 999_999_999_999_999]) {
      const position = { ...(newest as Position), offset: ahead, parent: tag }
      assert.equal(await answer(plugin, stage.channel, position), 'rollback')
    }
  },

  async 'a position with another tag than the event at its place is answered "fork"'(stage) {
    const plugin = await stage.plugin()
    const positions = await stage.publish(plugin, numbers(3))
    for (const [index, position] of positions.entries()) {
      const { tag } = positions[(index + 1) % 3] as Position
      assert.equal(await answer(plugin, stage.channel, { ...position, tag }), 'fork', `event ${index + 1} of 3`)
    }
  },

  async 'who is refused is told the newest position'(stage) {
    const plugin = await stage.plugin()
    const positions = await stage.publish(plugin, numbers(3))
    const newest = formatPosition(positions[2] as Position)
    const [first] = positions as [Position]
    for (const after of [first, { ...first, epoch: 'another-epoch' }, { ...first, offset: 9 }]) {
      const { top } = await plugin.read(stage.channel, after, 1)
      assert.equal(formatPosition(top), newest)
    }
  },
}

async function answer(plugin: Plugin, channel: string, after: Position | undefined, limit = 100): Promise<string> {
  const result = await plugin.read(channel, after, limit)
  return result.ok ? 'ok' : result.reason
}
