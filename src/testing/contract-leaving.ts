import assert from 'node:assert/strict'
import { numbers } from './contract-samples.js'
import type { Cases } from './contract-stage.js'

export const leaving: Cases = {
  async 'unsubscribe stops delivery'(stage) {
    const plugin = await stage.plugin()
    const left = await stage.subscribe(plugin)
    const witness = await stage.subscribe(plugin)
    await stage.publish(plugin, ['1'])
    await left.until('1')
    await left.leave()
    await stage.publish(plugin, ['2'])
    await witness.until('2')
    await stage.settled()
    assert.deepEqual(left.data, ['1'])
  },

  async 'a subscriber that leaves takes nobody along'(stage) {
    const plugin = await stage.plugin()
    const stays = await stage.subscribe(plugin)
    const leaves = await stage.subscribe(plugin)
    const elsewhere = await stage.subscribe(plugin, `${stage.channel}-2`)
    await leaves.leave()
    await stage.publish(plugin, ['1'])
    await stage.publish(plugin, ['1'], `${stage.channel}-2`)
    await stays.until('1')
    await elsewhere.until('1')
  },

  async 'unsubscribe a second time does nothing, not to another subscription of the same function either'(stage) {
    const plugin = await stage.plugin()
    const inbox = await stage.subscribe(plugin)
    await inbox.enter(plugin, stage.channel)
    await inbox.leave()
    await inbox.leave()
    await stage.publish(plugin, ['1'])
    await inbox.until('1')
  },

  async 'a subscriber that leaves inside deliver keeps the event from nobody'(stage) {
    const plugin = await stage.plugin()
    const leaves = await stage.subscribe(plugin, stage.channel, () => void leaves.leave())
    const after = [await stage.subscribe(plugin), await stage.subscribe(plugin)]
    await stage.publish(plugin, numbers(2))
    for (const inbox of after) {
      await inbox.until('2')
      assert.deepEqual(inbox.data, numbers(2))
    }
  },

  async 'a channel that all have left can be subscribed to again'(stage) {
    const plugin = await stage.plugin()
    const first = await stage.subscribe(plugin)
    await stage.publish(plugin, ['1'])
    await first.until('1')
    await first.leave()
    const second = await stage.subscribe(plugin)
    await stage.publish(plugin, ['2'])
    await second.until('2')
  },
}
