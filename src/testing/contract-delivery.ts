import assert from 'node:assert/strict'
import type { Plugin } from '../plugin.js'
import { formatPosition, type Position } from '../position.js'
import type { Inbox } from './contract-inbox.js'
import { dataOf, NAMES, numbers } from './contract-samples.js'
import type { Cases, Stage } from './contract-stage.js'

export const delivery: Cases = {
  async 'a subscriber gets every event that is published once subscribe has resolved'(stage) {
    const { data } = await run(stage, 40)
    assert.deepEqual(
      numbers(40).filter(number => !data.includes(number)),
      [],
      'these were not delivered',
    )
  },

  async 'no event is delivered twice'(stage) {
    const { data } = await run(stage, 40)
    assert.deepEqual(
      data.filter((number, index) => data.indexOf(number) !== index),
      [],
      'these were delivered again',
    )
  },

  async 'events are delivered in the order in which they were published, on channels that take turns'(stage) {
    const plugin = await stage.plugin()
    const channels = numbers(3).map(number => `${stage.channel}-${number}`)
    const inboxes = await Promise.all(channels.map(channel => stage.subscribe(plugin, channel)))
    for (const number of [...numbers(40), 'end'])
      for (const channel of channels) await stage.publish(plugin, [number], channel)
    for (const inbox of inboxes) {
      await inbox.until('end')
      const got = new Set(inbox.data)
      assert.deepEqual(
        [...got].slice(0, -1),
        numbers(40).filter(number => got.has(number)),
      )
    }
  },

  async 'a subscriber gets nothing that was published before'(stage) {
    const plugin = await stage.plugin()
    await stage.publish(plugin, ['before'])
    const inbox = await stage.subscribe(plugin)
    await stage.publish(plugin, ['after'])
    await inbox.until('after')
    await stage.settled()
    assert.ok(!inbox.data.includes('before'), 'history is for read, not for subscribe')
  },

  async 'every subscriber of a channel gets every event'(stage) {
    const plugin = await stage.plugin()
    const inboxes = await Promise.all(numbers(5).map(() => stage.subscribe(plugin)))
    await stage.publish(plugin, numbers(5))
    for (const inbox of inboxes) {
      await inbox.until('5')
      assert.deepEqual(inbox.data, numbers(5))
    }
  },

  async 'a channel has nothing of another, whatever they are called'(stage) {
    const plugin = await stage.plugin()
    const inboxes = await Promise.all(NAMES.map(name => stage.subscribe(plugin, name)))
    for (const [index, name] of NAMES.entries()) {
      const [position] = await stage.publish(plugin, [`${index}`, 'end'], name)
      if (plugin.read) await assertOnlyEnd(plugin, name, position as Position)
    }
    await Promise.all(inboxes.map(inbox => inbox.until('end')))
    await stage.settled()
    for (const [index, { data }] of inboxes.entries()) {
      assert.deepEqual(data, [`${index}`, 'end'], `the channel ${JSON.stringify(NAMES[index])}`)
    }
  },

  async 'what is published inside deliver overtakes for no subscriber'(stage) {
    const plugin = await stage.plugin()
    const before = await stage.subscribe(plugin)
    const published: Promise<unknown>[] = []
    await stage.subscribe(plugin, stage.channel, ({ data }) => {
      if (data === '1') published.push(stage.publish(plugin, ['2']), stage.publish(plugin, ['3']))
    })
    const after = await stage.subscribe(plugin)
    await stage.publish(plugin, ['1'])
    for (const inbox of [before, after]) {
      await inbox.until('3')
      assert.deepEqual(inbox.data, numbers(3))
    }
    await Promise.all(published)
  },
}

export const deliveryHistory: Cases<Plugin> = {
  async 'an event is delivered with the position that publish resolves with'(stage) {
    const plugin = await stage.plugin()
    const inbox = await stage.subscribe(plugin)
    const positions = await stage.publish(plugin, numbers(5))
    await inbox.until('5')
    assert.deepEqual(inbox.positions.map(formatPosition), positions.map(formatPosition))
  },
}

async function run(stage: Stage, count: number): Promise<Inbox> {
  const plugin = await stage.plugin()
  const inbox = await stage.subscribe(plugin)
  await stage.publish(plugin, [...numbers(count), 'end'])
  await inbox.until('end')
  await stage.settled()
  return inbox
}

// The history of a name that is the same in each run may hold events of the run before.
async function assertOnlyEnd(plugin: Plugin, name: string, after: Position): Promise<void> {
  const result = await plugin.read(name, after, 10)
  const others = result.ok ? dataOf(result.entries).filter(data => data !== 'end') : result.reason
  assert.deepEqual(others, [], `the channel ${JSON.stringify(name)}`)
}
