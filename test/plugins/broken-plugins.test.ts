import { afterAll, describe, expect, test } from '@jest/globals'
import { type PluginProof, provePlugin } from 'koa-eventfeed/testing'
import { mittPlugin } from '../../plugins/mitt/index.js'
import type { Create, Fault } from './broken/breaking.js'
import { faults, leaks, sharing } from './broken/index.js'

type Case = Parameters<PluginProof['test']>[1]

function casesFor(create: Create, shared = false): Map<string, Case> {
  const cases = new Map<string, Case>()
  provePlugin({ test: (name, run) => cases.set(name, run), create, shared, timeout: 150 })
  return cases
}

/** What the cases say that a plugin fails, by their names. */
async function failuresOf(plugin: Create, shared = false): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  for (const [name, run] of casesFor(plugin, shared)) {
    await run().catch((error: Error) => failures.set(name, error.message))
  }
  return failures
}

const expectedOf = ({ fails, also = [] }: Fault) => [fails, ...also].sort()

afterAll(() => leaks.forEach(clearInterval))

describe('the contract tells of a plugin that', () => {
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    expect([...(await failuresOf(fault.plugin)).keys()].sort()).toEqual(expectedOf(fault))
  })
})

describe('the contract of plugins over one server tells of one that', () => {
  test.each(Object.entries(sharing))('%s', async (_, fault) => {
    expect([...(await failuresOf(fault.plugin, true)).keys()].sort()).toEqual(expectedOf(fault))
  })
})

test('every case of the contract names the fault of one of these', () => {
  const named = new Set(Object.values({ ...faults, ...sharing }).map(({ fails }) => fails))
  expect([...casesFor(() => mittPlugin(), true).keys()].filter(name => !named.has(name))).toEqual([])
})

test('a failure says what was missed, and what came', async () => {
  const failures = await failuresOf(() => ({ ...mittPlugin(), subscribe: async () => () => {} }))
  expect(failures.get('no event is delivered twice')).toBe('"end" was not delivered within 150 ms; what was: []')
})

test('provePlugin takes functions only', () => {
  const create = () => mittPlugin()
  expect(() => provePlugin({ test: undefined as never, create })).toThrow('test must be a function, not undefined')
  expect(() => provePlugin({ test, create: mittPlugin() as never })).toThrow('create must be a function, not object')
})
