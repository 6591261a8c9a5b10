import assert from 'node:assert/strict'
import type { Entry, Plugin } from '../plugin.js'
import { formatPosition, type Position } from '../position.js'
import { dataOf, fieldsOf, MESSAGES, numbers, topOf } from './contract-samples.js'
import type { Cases, Stage } from './contract-stage.js'

export const history: Cases<Plugin> = {
  async 'read without a position gives the newest one and no entries'(stage) {
    const plugin = await stage.plugin()
    const [, , newest] = await stage.publish(plugin, numbers(3))
    const { ok, top } = await plugin.read(stage.channel, undefined, 0)
    const entries = await entriesAfter(plugin, stage, undefined)
    assert.deepEqual([ok, formatPosition(top), entries], [true, formatPosition(newest as Position), []])
  },

  async 'a channel that was never used has a position too, and keeps it'(stage) {
    const plugin = await stage.plugin()
    const first = await topOf(plugin, stage.channel)
    assert.equal(formatPosition(await topOf(plugin, stage.channel)), formatPosition(first))
    assert.deepEqual(await entriesAfter(plugin, stage, first), [])
  },

  async 'events are kept for later when nobody is subscribed'(stage) {
    const plugin = await stage.plugin()
    const root = await topOf(plugin, stage.channel)
    await stage.publish(plugin, numbers(3))
    await stage.subscribe(plugin)
    assert.ok(dataOf(await entriesAfter(plugin, stage, root)).includes('3'), 'the last event was not kept')
  },

  async 'read after the newest position gives nothing'(stage) {
    const plugin = await stage.plugin()
    const positions = await stage.publish(plugin, numbers(3))
    assert.deepEqual(await entriesAfter(plugin, stage, positions[2]), [])
  },

  async 'read after an older position gives exactly what followed, oldest first'(stage) {
    const plugin = await stage.plugin()
    const root = await topOf(plugin, stage.channel)
    const positions = await stage.publish(plugin, numbers(5))
    for (const [index, after] of [root, ...positions.slice(0, -1)].entries()) {
      const entries = await entriesAfter(plugin, stage, after)
      assert.deepEqual(dataOf(entries), numbers(5).slice(index))
      assert.deepEqual(
        entries.map(({ position }) => formatPosition(position)),
        positions.slice(index).map(formatPosition),
      )
    }
  },

  async 'read gives the newest position along with what followed'(stage) {
    const plugin = await stage.plugin()
    const [first, , newest] = await stage.publish(plugin, numbers(3))
    const { top } = await plugin.read(stage.channel, first, 100)
    assert.equal(formatPosition(top), formatPosition(newest as Position))
  },

  async 'data, event, id and retry are read as they were published'(stage) {
    const plugin = await stage.plugin()
    const [start] = await stage.publish(plugin, ['start', 'more', ...MESSAGES])
    const messages = (await entriesAfter(plugin, stage, start)).map(({ message }) => fieldsOf(message))
    // One by one: the last must not fill the report with its length when the first differs.
    for (const [index, message] of MESSAGES.entries()) {
      const read = messages.at(index - MESSAGES.length)
      assert.deepEqual(read, fieldsOf(message))
    }
  },

  async 'find gives the position of the newest event with an id, where the plugin has find'(stage) {
    const plugin = await stage.plugin()
    if (!plugin.find) return
    const ids = ['0', 'a', 'b', 'a', 'c']
    const positions = await stage.publish(
      plugin,
      ids.map(id => ({ data: 'x', id })),
    )
    for (const [id, index] of Object.entries({ 0: 0, a: 3, b: 2, c: 4 })) {
      const found = await plugin.find(stage.channel, id)
      assert.equal(found && formatPosition(found), formatPosition(positions[index] as Position), `find ${id}`)
    }
  },

  async 'find gives nothing for an id of no event, or of another channel'(stage) {
    const plugin = await stage.plugin()
    if (!plugin.find) return
    await stage.publish(plugin, [{ data: 'x', id: 'there' }], `${stage.channel}-2`)
    assert.equal(await plugin.find(stage.channel, 'there'), undefined)
    await stage.publish(plugin, [{ data: 'here', id: '1' }, 'here'])
    for (const id of ['there', 'here', '', 'undefined']) {
      assert.equal(await plugin.find(stage.channel, id), undefined, `find ${JSON.stringify(id)}`)
    }
  },
}

async function entriesAfter(plugin: Plugin, { channel }: Stage<Plugin>, after?: Position): Promise<readonly Entry[]> {
  const result = await plugin.read(channel, after, 100)
  if (!result.ok) assert.fail(`read after ${after && formatPosition(after)} was refused: ${result.reason}`)
  return result.entries
}
