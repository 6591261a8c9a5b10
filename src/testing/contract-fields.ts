import assert from 'node:assert/strict'
import type { Message } from '../event.js'
import { fieldsOf, MESSAGES } from './contract-samples.js'
import type { Cases, Stage } from './contract-stage.js'

const intact = 'data, event, id and retry are delivered as they were published'

export const fields: Cases = {
  [intact]: stage => deliversIntact(stage, MESSAGES),
}

/** For relays that carry data only. */
export const dataOnly: Cases = {
  [intact]: stage =>
    deliversIntact(
      stage,
      MESSAGES.map(({ data }) => fieldsOf({ data })),
    ),

  async 'an event with a field that is not carried is refused with a TypeError, and not delivered'(stage) {
    const plugin = await stage.plugin()
    const inbox = await stage.subscribe(plugin)
    for (const field of [{ event: 'tick' }, { id: '1' }, { id: '' }, { retry: 1 }]) {
      const publish = plugin.publish(stage.channel, { data: 'refused', ...field })
      await assert.rejects(publish, { name: 'TypeError' }, `with ${JSON.stringify(field)}`)
    }
    await stage.publish(plugin, ['end'])
    await inbox.until('end')
    assert.deepEqual(inbox.data, ['end'])
  },
}

async function deliversIntact(stage: Stage, messages: readonly Message[]): Promise<void> {
  const plugin = await stage.plugin()
  for (const [number, message] of messages.entries()) {
    const channel = `${stage.channel}-${number}`
    const inbox = await stage.subscribe(plugin, channel)
    await stage.publish(plugin, [message, 'end'], channel)
    await inbox.until('end')
    assert.deepEqual(fieldsOf(inbox.messages[0] as Message), fieldsOf(message))
  }
}
