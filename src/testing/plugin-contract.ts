import { closing } from './contract-closing.js'
import { delivery } from './contract-delivery.js'
import { history } from './contract-history.js'
import { joining } from './contract-joining.js'
import { leaving } from './contract-leaving.js'
import { publishing } from './contract-publishing.js'
import { refusals } from './contract-refusals.js'
import { sharing } from './contract-sharing.js'
import { type Create, Stage } from './contract-stage.js'

/** What `provePlugin` needs to know of a plugin and of the test runner. */
export interface PluginProof {
  /** Registers a case: `test` of node:test, jest or vitest. */
  test: (name: string, run: () => Promise<void>) => unknown
  /**
   * Makes a plugin that nobody uses yet; each case makes its own and closes it. It keeps the last `history.count` entries of a
   * channel, no more and no less; where that is left out, 100 or more, for a minute or more. What it publishes to on a server must
   * belong to this run of the tests alone: most names of channels are random, some are the same in each run.
   */
  create: Create
  /**
   * Whether plugins that `create` makes one after another carry the same channels, as those over one server do. Then cases are added
   * that publish with one and receive with another.
   * @default false
   */
  shared?: boolean | undefined
  /**
   * Milliseconds that an event may take to arrive.
   * @default 2_000
   */
  timeout?: number | undefined
}

/**
 * Registers the tests that every plugin must pass: one a promise of the contract, named by it.
 * @throws TypeError if `test` or `create` is not a function.
 */
export function provePlugin({ test, create, shared = false, timeout = 2_000 }: PluginProof): void {
  for (const [name, value] of Object.entries({ test, create })) {
    if (typeof value !== 'function') throw new TypeError(`provePlugin: ${name} must be a function, not ${typeof value}`)
  }
  const always = { ...publishing, ...delivery, ...leaving, ...joining, ...history, ...refusals, ...closing }
  for (const [name, run] of Object.entries({ ...always, ...(shared && sharing) })) {
    test(name, async () => {
      const stage = new Stage(create, shared, timeout)
      try {
        await run(stage)
      } finally {
        await stage.clear()
      }
    })
  }
}
