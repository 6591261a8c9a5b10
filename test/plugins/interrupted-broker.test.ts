import { describe, test } from '@jest/globals'
import { provePlugin } from 'koa-eventfeed/testing'
import { interruptedBroker } from './interrupted-broker.js'
import { relayOver } from './relay.js'

describe('plugins over one broker that can be cut off from it keep the contract:', () => {
  provePlugin({ test, ...interruptedBroker(), shared: true })
})

describe('one plugin that can be cut off from its broker keeps the contract:', () => {
  provePlugin({ test, ...interruptedBroker() })
})

describe('relays over one broker that can be cut off from it keep the contract:', () => {
  const { create, interrupt } = interruptedBroker()
  provePlugin({ test, create: async () => relayOver(await create()), history: false, shared: true, interrupt })
})
