import type { ChannelSettings } from '../../src/channel.js'
import type { Faults } from './network.js'
import type { Random } from './random.js'

/** What may happen in a schedule. */
export interface Profile {
  readonly faults: Faults
  /** Whether the broker may lose what it stored. */
  readonly forgetful: boolean
  /** Whether connections of subscriptions are cut. */
  readonly cuts: boolean
  /** Whether clients come with positions that they were never given. */
  readonly strangers: boolean
  /** Whether messages arrive while they are published. */
  readonly instant: boolean
  /** Entries that the broker keeps. */
  readonly history: number
  readonly settings: ChannelSettings
  /** Most bytes of an event's data. */
  readonly data: number
  readonly steps: number
}

/** Messages are dropped, doubled and late, and connections are cut: nothing that costs anybody an event. */
export function lossy(random: Random): Profile {
  return {
    faults: { drop: odds(random, 0.25), double: odds(random, 0.2), overtake: odds(random, 0.3), refuse: 0 },
    forgetful: false,
    cuts: random.chance(0.3),
    strangers: false,
    instant: random.chance(0.2),
    history: 10_000,
    settings: { maxLog: random.pick([600, 4_000, 1_000_000]), maxReplay: 10_000 },
    data: random.pick([10, 1_200, 3_000]),
    steps: random.between(40, 400),
  }
}

/** All of that, and a broker that refuses, trims and forgets. */
export function hostile(random: Random): Profile {
  return {
    ...lossy(random),
    faults: { ...lossy(random).faults, refuse: random.chance(0.2) ? 0.1 : 0 },
    forgetful: random.chance(0.5),
    strangers: random.chance(0.3),
    history: random.pick([0, 3, 10, 30, 100, 10_000]),
    settings: { ...lossy(random).settings, maxReplay: random.pick([3, 10_000, 10_000]) },
  }
}

const odds = (random: Random, most: number) => (random.chance(0.5) ? random.next() * most : 0)
