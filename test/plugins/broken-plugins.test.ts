import { afterAll, describe, expect, test } from '@jest/globals'
import { type PluginProof, provePlugin } from 'koa-eventfeed/testing'
import { mittPlugin } from '../../plugins/mitt/index.js'
import { dataFaults, faults, interruption, leaks, sharing } from './broken/index.js'
import { interruptedBroker } from './interrupted-broker.js'
import { dataRelay, memoryRelay, relayOver } from './relay.js'

type Run = Parameters<PluginProof['test']>[1]
type Proof<P = PluginProof> = P extends PluginProof ? Omit<P, 'test'> : never

function casesOf(proof: Proof): Map<string, Run> {
  const cases = new Map<string, Run>()
  provePlugin({ test: (name, run) => cases.set(name, run), timeout: 150, ...proof })
  return cases
}

/** What the cases say that a plugin fails, by their names. */
async function failuresOf(proof: Proof): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  for (const [name, run] of casesOf(proof)) {
    await run().catch((error: Error) => failures.set(name, error.message))
  }
  return failures
}

const failed = async (proof: Proof) => [...(await failuresOf(proof)).keys()].sort()

const interrupt = async () => {}
const relayCases = casesOf({ create: memoryRelay, history: false, shared: true, interrupt })
const dataCases = casesOf({ create: dataRelay, history: false, fields: false })

/** The faults that the cases of relays can tell, as far as they can. */
function ofRelays<Fault extends { fails: string; also?: readonly string[] }>(all: Readonly<Record<string, Fault>>) {
  return Object.entries(all)
    .filter(([, { fails }]) => relayCases.has(fails))
    .map(([name, fault]) => [name, fault, expectedOf(fault).filter(fails => relayCases.has(fails))] as const)
}

const expectedOf = ({ fails, also = [] }: { fails: string; also?: readonly string[] }) => [fails, ...also].sort()

afterAll(() => leaks.forEach(clearInterval))

describe('the contract tells of a plugin that', () => {
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    expect(await failed({ create: fault.plugin })).toEqual(expectedOf(fault))
  })
})

describe('the contract of plugins over one server tells of one that', () => {
  test.each(Object.entries(sharing))('%s', async (_, fault) => {
    expect(await failed({ create: fault.plugin, shared: true })).toEqual(expectedOf(fault))
  })
})

describe('the contract of plugins that can be cut off tells of one that', () => {
  test.each(Object.entries(interruption))('%s', async (_, fault) => {
    expect(await failed({ ...interruptedBroker(fault.alter), shared: true, timeout: 300 })).toEqual(expectedOf(fault))
  })
})

describe('the contract of relays tells of one that', () => {
  test.each(ofRelays(faults))('%s', async (_, { plugin }, expected) => {
    expect(await failed({ create: async () => relayOver(await plugin()), history: false })).toEqual(expected)
  })

  test.each(ofRelays(sharing))('over one server, %s', async (_, { plugin }, expected) => {
    const create = async () => relayOver(await plugin())
    expect(await failed({ create, history: false, shared: true })).toEqual(expected)
  })

  test.each(ofRelays(interruption))('can be cut off, and %s', async (_, { alter }, expected) => {
    const { create, interrupt } = interruptedBroker(alter)
    const relay = async () => relayOver(await create())
    expect(await failed({ create: relay, history: false, shared: true, interrupt, timeout: 300 })).toEqual(expected)
  })

  test.each(Object.entries(dataFaults))('says that it carries data only, and %s', async (_, fault) => {
    expect(await failed({ create: fault.create, history: false, fields: false })).toEqual(expectedOf(fault))
  })
})

test('every case of the contract names the fault of one of these', () => {
  const named = new Set(Object.values({ ...faults, ...sharing, ...interruption, ...dataFaults }).map(f => f.fails))
  const all = casesOf({ create: () => mittPlugin(), shared: true, interrupt })
  const names = [...all.keys(), ...relayCases.keys(), ...dataCases.keys()]
  expect(names.filter(name => !named.has(name))).toEqual([])
})

test('a failure says what was missed, and what came', async () => {
  const failures = await failuresOf({ create: () => ({ ...mittPlugin(), subscribe: async () => () => {} }) })
  expect(failures.get('no event is delivered twice')).toBe('"end" was not delivered within 150 ms; what was: []')
})

test('a relay that is proved as a plugin fails every case, and is told how to be proved; and the other way round', async () => {
  const relay = await failuresOf({ create: memoryRelay as never })
  const plugin = await failuresOf({ create: mittPlugin as never, history: false })
  expect([relay.size, plugin.size]).toEqual([
    casesOf({ create: () => mittPlugin() }).size,
    casesOf({ create: memoryRelay, history: false }).size,
  ])
  expect([...new Set(relay.values())]).toEqual(['the plugin has no read: a relay is proved with `history: false`'])
  expect([...new Set(plugin.values())]).toEqual([
    'the plugin has read: `history: false` is for relays, which have none',
  ])
})

test('provePlugin takes functions only', () => {
  const create = () => mittPlugin()
  expect(() => provePlugin({ test: undefined as never, create })).toThrow('test must be a function, not undefined')
  expect(() => provePlugin({ test, create: mittPlugin() as never })).toThrow('create must be a function, not object')
  expect(() => provePlugin({ test, create, interrupt: true as never })).toThrow('interrupt must be a function')
})

test('provePlugin takes fields: false for relays only', () => {
  const proof = { test, create: () => mittPlugin(), fields: false } as never
  expect(() => provePlugin(proof)).toThrow('fields: false is for relays')
})
