import Sequencer from '@jest/test-sequencer'

// Each file leaves something on the heap of jest's process: behind all others, what computes for long would be ten times slower.
const isLong = ({ path }) => path.includes('/test/model/') || path.endsWith('/test/churn.test.ts')

export default class Order extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests)
    return [...sorted.filter(isLong), ...sorted.filter(test => !isLong(test))]
  }
}
