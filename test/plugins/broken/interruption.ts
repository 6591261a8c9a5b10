import { setTimeout } from 'node:timers/promises'
import type { Entry, Plugin, Position } from 'koa-eventfeed'

const delivers = 'a subscription that was interrupted delivers again, and tells it by lost'
const works = 'publish and subscribe work again after an interruption'
const watch = 'watch tells an interruption once at most, where the plugin has it'
const health = 'health is good again after an interruption, where the plugin has it'
const delivered =
  'an event that is published while the connection is broken is delivered once, or not at all if it is rejected'
const kept = 'an event that is published while the connection is broken is kept once, or not at all if it is rejected'
const found = 'what is published until lost is called is found by read'

/** A plugin over a broker that can be cut off, with one fault. */
export interface InterruptedFault {
  readonly alter: (inner: Plugin) => Partial<Plugin>
  readonly fails: string
  readonly also?: readonly string[]
}

const NOTHING: Position = { epoch: 'e', offset: 1, parent: 'none', tag: 'none' }

const codeOf = (error: unknown) => (error as { code?: unknown }).code

/** Faults of plugins that can be cut off from their server. */
export const interruption: Readonly<Record<string, InterruptedFault>> = {
  'never calls lost': {
    alter: inner => ({ subscribe: (channel, deliver) => inner.subscribe(channel, deliver, () => {}) }),
    fails: delivers,
    also: [watch, health, delivered, found],
  },
  'calls lost before it works again': {
    alter: inner => ({
      subscribe(channel, deliver, lost) {
        inner.watch?.(lost)
        return inner.subscribe(channel, deliver, () => {})
      },
    }),
    fails: delivers,
  },
  'calls lost, but does not subscribe again': {
    alter: inner => ({
      subscribe(channel, deliver, lost) {
        let isDeaf = false
        inner.watch?.(() => {
          isDeaf = true
        })
        return inner.subscribe(channel, entry => isDeaf || deliver(entry), lost)
      },
    }),
    fails: delivers,
    also: [delivered],
  },
  'delivers the last events again after an interruption': {
    alter: inner => ({
      subscribe(channel, deliver, lost) {
        const entries: Entry[] = []
        const keep = (entry: Entry) => {
          entries.push(entry)
          deliver(entry)
        }
        const repeat = () => {
          for (const entry of entries.slice(-3)) deliver(entry)
          lost()
        }
        return inner.subscribe(channel, keep, repeat)
      },
    }),
    fails: delivered,
  },
  'publishes again what got no answer': {
    alter: inner => {
      const publish: Plugin['publish'] = async (channel, message) => {
        try {
          return await inner.publish(channel, message)
        } catch (error) {
          if (codeOf(error) !== 'ERR_SSE_UNCERTAIN') throw error
          while (!inner.health?.().publishing) await setTimeout(1)
          return publish(channel, message)
        }
      }
      return { publish }
    },
    fails: kept,
    also: [delivered],
  },
  'says that nothing was published where it does not know': {
    alter: inner => ({
      publish: (channel, message) =>
        inner.publish(channel, message).catch(error => {
          throw codeOf(error) === 'ERR_SSE_UNCERTAIN' ? Object.assign(error, { code: 'ERR_SSE_UNREACHABLE' }) : error
        }),
    }),
    fails: kept,
    also: [delivered],
  },
  'swallows what is published meanwhile': {
    alter: inner => ({
      publish: (channel, message) =>
        inner.publish(channel, message).catch(error => {
          if (codeOf(error) === 'ERR_SSE_UNREACHABLE') return NOTHING
          throw error
        }),
    }),
    fails: kept,
  },
  'publishes nothing any more after an interruption': {
    alter: inner => {
      let failure: unknown
      inner.watch?.(error => {
        failure = error
      })
      return { publish: (channel, message) => (failure ? Promise.reject(failure) : inner.publish(channel, message)) }
    },
    fails: works,
    also: [watch, health, delivered, kept],
  },
  'tells an interruption for every channel': {
    alter: inner => {
      const watchers: ((error: unknown) => void)[] = []
      return {
        watch: failed => void watchers.push(failed),
        subscribe(channel, deliver, lost) {
          inner.watch?.(error => {
            for (const failed of watchers) failed(error)
          })
          return inner.subscribe(channel, deliver, lost)
        },
      }
    },
    fails: watch,
  },
  'says for ever that it does not receive': {
    alter: inner => {
      let receiving = true
      inner.watch?.(() => {
        receiving = false
      })
      return { health: () => ({ publishing: true, receiving }) }
    },
    fails: health,
  },
  'reads nothing of what was published meanwhile': {
    alter: inner => {
      const hidden = new Map<string, number>()
      return {
        subscribe: (channel, deliver, lost) =>
          inner.subscribe(channel, deliver, async () => {
            const { top } = await inner.read(channel, undefined, 0)
            hidden.set(channel, top.offset)
            lost()
          }),
        async read(channel, after, limit) {
          const result = await inner.read(channel, after, limit)
          if (!result.ok) return result
          const isShown = ({ position }: Entry) => position.offset > (hidden.get(channel) ?? 0)
          return { ...result, entries: result.entries.filter(isShown) }
        },
      }
    },
    fails: found,
  },
}
