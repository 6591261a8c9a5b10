import assert from 'node:assert/strict'
import process from 'node:process'
import type { Plugin } from '../plugin.js'
import type { Cases } from './contract-stage.js'

export const closing: Cases = {
  async 'close twice is harmless'(stage) {
    const plugin = await stage.plugin()
    await stage.publish(plugin, ['1'])
    await Promise.all([plugin.close(), plugin.close()])
    await plugin.close()
  },

  async 'publish after close rejects'(stage) {
    const plugin = await stage.plugin()
    await stage.publish(plugin, ['1'])
    await plugin.close()
    await assert.rejects(plugin.publish(stage.channel, { data: '2' }), Error)
  },

  async 'subscribe after close rejects'(stage) {
    const plugin = await stage.plugin()
    await stage.publish(plugin, ['1'])
    await plugin.close()
    await assert.rejects(stage.subscribe(plugin), Error)
  },

  async 'unsubscribe after close is harmless'(stage) {
    const plugin = await stage.plugin()
    const inbox = await stage.subscribe(plugin)
    await stage.publish(plugin, ['1'])
    await plugin.close()
    await inbox.leave()
  },

  async 'nothing keeps the process alive after close'(stage) {
    const before = resources()
    const plugin = await stage.plugin()
    const inbox = await stage.subscribe(plugin)
    await stage.publish(plugin, ['1'])
    await inbox.until('1')
    await plugin.close()
    const isClosed = () => [...resources()].every(([type, count]) => count <= (before.get(type) ?? 0))
    assert.ok(await stage.reaches(isClosed), `open before: ${shown(before)}; after: ${shown(resources())}`)
  },
}

export const closingHistory: Cases<Plugin> = {
  async 'read after close rejects'(stage) {
    const plugin = await stage.plugin()
    const [position] = await stage.publish(plugin, ['1'])
    await plugin.close()
    await assert.rejects(plugin.read(stage.channel, position, 1), Error)
  },
}

// How many of each type there are. `setImmediate` is what the waiting is done with.
function resources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) {
    if (type !== 'Immediate') counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  return counts
}

const shown = (counts: Map<string, number>) =>
  [...counts].map(([type, count]) => `${count} ${type}`).join(', ') || 'nothing'
