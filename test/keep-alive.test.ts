import { createHook } from 'node:async_hooks'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type Idler, keepAlive, release } from '../src/keep-alive.js'
import { deferred, turns } from './support.js'

/** Counts the timers that are made, and those that are still there. */
const timers = new Set<number>()
let made = 0
const hook = createHook({
  init(id, type) {
    if (type !== 'Timeout') return
    timers.add(id)
    made += 1
  },
  destroy: id => void timers.delete(id),
})

/** An idler that calls back at each beat. */
function idler(silence: number, beaten: (self: Idler & { lastWrite: number; beats: number }) => void) {
  const self = {
    keepAlive: silence,
    lastWrite: performance.now(),
    beats: 0,
    beat() {
      self.beats += 1
      self.lastWrite = performance.now()
      beaten(self)
    },
  }
  return self
}

describe('keeping connections alive', () => {
  // From within a test: the test runner's own timer is made before.
  const watchTimers = () => {
    timers.clear()
    made = 0
    hook.enable()
  }
  afterEach(() => void hook.disable())

  // The hook is told some turns later of a timer that is gone.
  const timersLeft = async (count: number) => {
    for (let turn = 0; timers.size !== count && turn < 1_000; turn++) await turns()
    expect(timers.size).toBe(count)
  }

  test('takes one timer for all connections, and none when they are gone', async () => {
    watchTimers()
    const done = deferred()
    let beats = 0
    const idlers = Array.from({ length: 500 }, () =>
      idler(60, () => {
        beats += 1
        if (beats === 1_000) done.resolve()
      }),
    )
    for (const one of idlers) keepAlive(one)
    expect(timers.size).toBe(1)
    await done.promise
    const beaten = idlers.map(one => one.beats)
    await timersLeft(1)
    for (const one of idlers) release(one)
    expect(made).toBeLessThan(20)
    expect(beaten).toEqual(Array(500).fill(2))
    await timersLeft(0)
  })

  test('serves connections of different patience, a short one that comes later first', async () => {
    const order: string[] = []
    const done = deferred()
    const late = idler(400, () => {
      order.push('late')
      done.resolve()
    })
    const early = idler(60, () => order.push('early'))
    keepAlive(late)
    keepAlive(early)
    await done.promise
    expect(order.slice(0, 2)).toEqual(['early', 'early'])
    expect(order.at(-1)).toBe('late')
    release(early)
    release(late)
  })

  test('leaves alone what has written lately', async () => {
    const done = deferred()
    const busy = idler(400, () => {})
    const clock = idler(30, self => {
      busy.lastWrite = performance.now()
      if (self.beats === 8) done.resolve()
    })
    keepAlive(busy)
    keepAlive(clock)
    await done.promise
    expect(busy.beats).toBe(0)
    release(busy)
    release(clock)
  })

  test('forgets one that is released while others are beaten, and twice is harmless', async () => {
    watchTimers()
    const done = deferred()
    const second = idler(30, () => {})
    const first = idler(30, () => {
      release(second)
      release(first)
      release(first)
      done.resolve()
    })
    keepAlive(first)
    keepAlive(second)
    await done.promise
    await turns(5)
    expect([first.beats, second.beats]).toEqual([1, 0])
    await timersLeft(0)
  })
})
