import { describe, test } from '@jest/globals'
import { provePlugin } from 'koa-eventfeed/testing'
import { delayedBroker } from './delayed-broker.js'

describe('plugins over one broker that is some way off keep the contract:', () => {
  provePlugin({ test, create: delayedBroker(), shared: true })
})
