import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Plugin } from '../plugin.js'
import { dataOf, numbers, topOf } from './contract-samples.js'
import type { Cases, Stage } from './contract-stage.js'

export const joining: Cases<Plugin> = {
  async 'who subscribes and then reads has everything once, while others publish'(stage) {
    const [writer, reader] = await stage.pair()
    for (const wait of [0, 1, 2, 3, 5, 8]) await join(stage, writer, reader, wait)
  },
}

// As a channel joins: what was delivered before the read had been answered is in the answer, or follows it.
async function join(stage: Stage<Plugin>, writer: Plugin, reader: Plugin, wait: number): Promise<void> {
  const channel = `${stage.channel}-${wait}`
  const root = await topOf(writer, channel)
  const published = publishSlowly(writer, channel)
  await turns(wait)
  const inbox = await stage.subscribe(reader, channel)
  await turns(wait % 3)
  const result = await reader.read(channel, root, 100)
  await published
  await inbox.until('end')
  assert.ok(result.ok, 'the history must be there')
  const live = inbox.data.filter((_, index) => (inbox.positions[index]?.offset ?? 0) > result.top.offset)
  assert.deepEqual([...dataOf(result.entries), ...live], [...numbers(20), 'end'])
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate()
}

async function publishSlowly(plugin: Plugin, channel: string): Promise<void> {
  for (const data of [...numbers(20), 'end']) {
    await plugin.publish(channel, { data })
    await setImmediate()
  }
}
