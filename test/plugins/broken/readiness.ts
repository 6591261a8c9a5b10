import { broken, type Faults } from './breaking.js'

const fails = 'ready resolves, and then health is good, where the plugin has them'

export const readiness: Faults = {
  'is never ready': { plugin: broken(() => ({ ready: () => Promise.reject(new Error('Not yet')) })), fails },
  'says that it cannot publish': {
    plugin: broken(() => ({ health: () => ({ publishing: false, receiving: true }) })),
    fails,
  },
  'says that it does not receive': {
    plugin: broken(() => ({ health: () => ({ publishing: true, receiving: false }) })),
    fails,
  },
}
