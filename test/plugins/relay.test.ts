import { describe, test } from '@jest/globals'
import { provePlugin } from 'koa-eventfeed/testing'
import { delayedBroker } from './delayed-broker.js'
import { dataRelay, memoryRelay, relayOver } from './relay.js'

describe('a relay within one process keeps the contract:', () => {
  provePlugin({ test, create: memoryRelay, history: false })
})

describe('a relay that carries data only keeps the contract:', () => {
  provePlugin({ test, create: dataRelay, history: false, fields: false })
})

describe('relays over one broker that is some way off keep the contract:', () => {
  const create = delayedBroker()
  provePlugin({ test, create: async () => relayOver(await create()), history: false, shared: true })
})
