import type { Plugin, Relay } from '../plugin.js'
import { closing, closingHistory } from './contract-closing.js'
import { delivery, deliveryHistory } from './contract-delivery.js'
import { dataOnly, fields } from './contract-fields.js'
import { history } from './contract-history.js'
import { interruption, interruptionHistory } from './contract-interruption.js'
import { joining } from './contract-joining.js'
import { leaving } from './contract-leaving.js'
import { publishing } from './contract-publishing.js'
import { readiness } from './contract-readiness.js'
import { refusals } from './contract-refusals.js'
import { sharing, sharingHistory } from './contract-sharing.js'
import { type Carrier, type Cases, type Create, Stage } from './contract-stage.js'

interface CommonProof {
  /** Registers a case: `test` of node:test, jest or vitest. */
  test: (name: string, run: () => Promise<void>) => unknown
  /**
   * Whether plugins that `create` makes one after another carry the same channels, as those over one server do. Then cases are added
   * that publish with one and receive with another.
   * @default false
   */
  shared?: boolean | undefined
  /**
   * Breaks the connections to the server of all plugins made so far, and resolves when it has done so; those that are made later, or
   * connect again, find the server. Then cases are added of what holds over an interruption.
   */
  interrupt?: (() => Promise<void>) | undefined
  /**
   * Milliseconds that an event may take to arrive, and a plugin to connect again.
   * @default 2_000
   */
  timeout?: number | undefined
}

/** What `provePlugin` needs to know of a plugin that keeps a history. */
export interface HistoryProof extends CommonProof {
  /**
   * Makes a plugin that nobody uses yet; each case makes its own and closes it. It keeps the last `history.count` entries of a
   * channel, no more and no less; where that is left out, 100 or more, for a minute or more. What it publishes to on a server must
   * belong to this run of the tests alone: most names of channels are random, some are the same in each run.
   */
  create: (options?: { history?: { count: number } }) => Plugin | Promise<Plugin>
  /**
   * Whether the plugin has `read`. With `false` the cases of positions and of history are left out.
   * @default true
   */
  history?: true | undefined
  /** What keeps a history carries `event`, `id` and `retry`. */
  fields?: true | undefined
}

/** What `provePlugin` needs to know of a relay: a plugin that keeps no history. */
export interface RelayProof extends CommonProof {
  /**
   * Makes a relay that nobody uses yet; each case makes its own and closes it. What it publishes to on a server must belong to this
   * run of the tests alone: most names of channels are random, some are the same in each run.
   */
  create: () => Relay | Promise<Relay>
  /** Whether the plugin has `read`: a relay has none, so the cases of positions and of history are left out. */
  history: false
  /**
   * Whether the relay carries `event`, `id` and `retry`. With `false` it carries data only, and refuses what has one of the others.
   * @default true
   */
  fields?: boolean | undefined
}

/** What `provePlugin` needs to know of a plugin and of the test runner. */
export type PluginProof = HistoryProof | RelayProof

/**
 * Registers the tests that every plugin must pass: one a promise of the contract, named by it.
 * @throws TypeError if `test`, `create` or `interrupt` is not a function, or `fields` is false of a plugin with history.
 */
export function provePlugin(proof: PluginProof): void {
  check(proof)
  const { shared, interrupt } = proof
  const common = { ...delivery, ...leaving, ...closing, ...readiness, ...(shared && sharing) }
  const cases: Cases = { ...common, ...(proof.fields === false ? dataOnly : fields), ...(interrupt && interruption) }
  if (proof.history === false) register(proof, proof.create, cases)
  else register(proof, proof.create, { ...cases, ...historyCases(proof) })
}

function historyCases({ shared, interrupt }: PluginProof): Cases<Plugin> {
  const always = { ...publishing, ...deliveryHistory, ...joining, ...history, ...refusals, ...closingHistory }
  return { ...always, ...(shared && sharingHistory), ...(interrupt && interruptionHistory) }
}

function register<P extends Carrier>(proof: PluginProof, create: Create<P>, cases: Cases<P>): void {
  const { test, shared = false, interrupt = async () => {}, timeout = 2_000 } = proof
  const settings = { create, history: proof.history !== false, shared, interrupt, timeout }
  for (const [name, run] of Object.entries(cases)) {
    test(name, async () => {
      const stage = new Stage(settings)
      try {
        await run(stage)
      } finally {
        await stage.clear()
      }
    })
  }
}

function check({ test, create, interrupt = async () => {}, history, fields }: PluginProof): void {
  for (const [name, value] of Object.entries({ test, create, interrupt })) {
    if (typeof value !== 'function') throw new TypeError(`provePlugin: ${name} must be a function, not ${typeof value}`)
  }
  if (fields === false && history !== false)
    throw new TypeError('provePlugin: fields: false is for relays, with history: false')
}
