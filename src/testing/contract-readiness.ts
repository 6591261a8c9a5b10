import assert from 'node:assert/strict'
import type { Carrier, Cases } from './contract-stage.js'

export const readiness: Cases = {
  async 'ready resolves, and then health is good, where the plugin has them'(stage) {
    const plugin = await stage.plugin()
    await plugin.ready?.()
    assertHealthy(plugin)
  },
}

export function assertHealthy(plugin: Carrier): void {
  if (!plugin.health) return
  const { publishing, receiving, error } = plugin.health()
  assert.ok(publishing && receiving, `publishing: ${publishing}, receiving: ${receiving}, error: ${error}`)
}
