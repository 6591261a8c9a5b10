import assert from 'node:assert/strict'
import type { Plugin } from '../plugin.js'
import { formatPosition, type Position } from '../position.js'
import { dataOf, numbers, topOf } from './contract-samples.js'
import type { Cases } from './contract-stage.js'

/** For plugins over a server: what one instance does, another sees. */
export const sharing: Cases = {
  async 'what one instance publishes is delivered by another, all of it and in order'(stage) {
    const [writer, reader] = await stage.pair()
    const inbox = await stage.subscribe(reader)
    await stage.publish(writer, numbers(20))
    await inbox.until('20')
    assert.deepEqual(inbox.data, numbers(20))
  },

  async 'an instance that is closed gets nothing more, and takes no other along'(stage) {
    const [leaves, stays] = await stage.pair()
    const [inbox, witness] = [await stage.subscribe(leaves), await stage.subscribe(stays)]
    await stage.publish(stays, ['0'])
    await inbox.until('0')
    await leaves.close()
    await stage.publish(stays, ['1'])
    await witness.until('1')
    await stage.settled()
    assert.deepEqual(inbox.data, ['0'])
  },
}

/** The same, where they keep one history. */
export const sharingHistory: Cases<Plugin> = {
  async 'what two instances publish at once is delivered by both in one order'(stage) {
    const pair = await stage.pair()
    const inboxes = [await stage.subscribe(pair[0]), await stage.subscribe(pair[1])]
    const publish = (data: string, index: number) => (pair[index % 2] ?? pair[0]).publish(stage.channel, { data })
    const positions = await Promise.all(numbers(20).map(publish))
    await stage.publish(pair[0], ['end'])
    const inOrder = positions.sort((a, b) => a.offset - b.offset).map(formatPosition)
    for (const inbox of inboxes) {
      await inbox.until('end')
      assert.deepEqual(inbox.positions.slice(0, -1).map(formatPosition), inOrder)
    }
  },

  async 'history is read by an instance that did not write it'(stage) {
    const [writer, reader] = await stage.pair()
    const root = await topOf(reader, stage.channel)
    const positions = await stage.publish(writer, numbers(3))
    const result = await reader.read(stage.channel, root, 100)
    assert.deepEqual(result.ok && dataOf(result.entries), numbers(3))
    assert.equal(formatPosition(result.top), formatPosition(positions[2] as Position))
  },
}
