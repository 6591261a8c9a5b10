import type { Faults } from './breaking.js'
import { closing } from './closing.js'
import { delivery } from './delivery.js'
import { history } from './history.js'
import { joining } from './joining.js'
import { leaving } from './leaving.js'
import { publishing } from './publishing.js'
import { readiness } from './readiness.js'
import { refusals } from './refusals.js'

export { leaks } from './closing.js'
export { dataFaults } from './fields.js'
export { interruption } from './interruption.js'
export { sharing } from './sharing.js'

/** Faults of plugins of one process. */
export const faults: Faults = {
  ...publishing,
  ...delivery,
  ...leaving,
  ...joining,
  ...history,
  ...refusals,
  ...closing,
  ...readiness,
}
