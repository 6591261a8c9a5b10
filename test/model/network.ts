import type { Plugin, ReadResult, Unsubscribe } from '../../src/plugin.js'
import type { Position } from '../../src/position.js'
import type { Broker, Truth } from './broker.js'
import type { Random } from './random.js'

/** How likely each accident is, from 0 to 1. */
export interface Faults {
  /** A message is lost on its way to a process, and nobody is told. */
  readonly drop: number
  /** A message arrives twice. */
  readonly double: number
  /** A message overtakes others. */
  readonly overtake: number
  /** A subscription or a read is refused. */
  readonly refuse: number
}

/** Something between a process and the broker that takes several steps, each at a moment that the schedule picks. */
export interface Task {
  readonly name: string
  /** Does the next step. Answers whether it was the last. */
  step(): boolean
}

/** The error of everything that is refused. */
export class Refused extends Error {}

/** A subscription: messages that are on their way to a process. */
export interface Wire {
  readonly queue: Truth[]
  readonly owner: Plugin
  deliver(truth: Truth): void
  lost(): void
  connected: boolean
  /** Whether the process has yet to be told that something may have passed it by. */
  missed: boolean
}

/** Everything between the processes and the broker. Nothing moves in it unless a step of the schedule moves it. */
export class Network {
  readonly tasks: Task[] = []
  readonly wires: Wire[] = []
  readonly #broker: Broker
  readonly #random: Random
  readonly #instant: boolean
  #faults: Faults
  #emitting = false

  /** @param instant Whether messages arrive while they are published, as they do within one process. */
  constructor(broker: Broker, random: Random, faults: Faults, instant: boolean) {
    this.#broker = broker
    this.#random = random
    this.#faults = faults
    this.#instant = instant
  }

  publish(data: string): Truth {
    const truth = this.#broker.publish(data)
    for (const wire of this.wires) this.#post(wire, truth)
    if (this.#instant && !this.#emitting) this.#emit()
    return truth
  }

  /** Hands over the next message of a wire; a later one where messages overtake. */
  deliver(wire: Wire): Truth | undefined {
    const late = this.#random.chance(this.#faults.overtake)
    const [truth] = wire.queue.splice(late ? this.#random.below(wire.queue.length) : 0, 1)
    if (truth) wire.deliver(truth)
    return truth
  }

  /** Cuts a subscription's connection: what is on its way is gone. */
  cut(wire: Wire): void {
    wire.connected = false
    wire.missed = true
    wire.queue.length = 0
  }

  /** The connection is back, and what is published from now on arrives. */
  reconnect(wire: Wire): void {
    wire.connected = true
  }

  /** Tells a process that it may have missed something, once it misses no more. */
  tell(wire: Wire): void {
    this.reconnect(wire)
    wire.missed = false
    wire.lost()
  }

  /** From now on all goes well. */
  heal(): void {
    this.#faults = { drop: 0, double: 0, overtake: 0, refuse: 0 }
  }

  /** What one process calls. Its subscriptions count once the broker has heard of them, which is before they are acknowledged. */
  plugin(): Plugin {
    const plugin: Plugin = {
      name: 'scripted',
      publish: async (_channel, { data }) => this.publish(data).position,
      read: (_channel, after, limit) => this.#read(plugin, after, limit),
      subscribe: (_channel, deliver, lost) => {
        const wire = { queue: [], owner: plugin, deliver, lost, connected: true, missed: false }
        return this.#open(wire)
      },
      close: async () => {},
    }
    return plugin
  }

  #open(wire: Wire): Promise<Unsubscribe> {
    let unsubscribed: Promise<void> | undefined
    const unsubscribe = () => {
      unsubscribed ??= this.#task('unsubscribe', () => void this.wires.splice(this.wires.indexOf(wire), 1))
      return unsubscribed
    }
    return this.#task('subscribe', () => {
      this.#mayRefuse()
      this.wires.push(wire)
      return unsubscribe
    })
  }

  #read(owner: Plugin, after: Position | undefined, limit: number): Promise<ReadResult> {
    return this.#task('read', () => {
      try {
        this.#mayRefuse()
      } catch (error) {
        for (const wire of this.wires) if (wire.owner === owner) wire.missed = true
        throw error
      }
      return this.#broker.read(after, limit)
    })
  }

  // First the broker answers, then the answer arrives.
  #task<T>(name: string, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let arrive: (() => void) | undefined
      const step = () => {
        const isLast = arrive !== undefined
        if (arrive) arrive()
        else arrive = settled(answer, resolve, reject)
        return isLast
      }
      this.tasks.push({ name, step })
    })
  }

  #mayRefuse(): void {
    if (this.#random.chance(this.#faults.refuse)) throw new Refused('Refused')
  }

  #post(wire: Wire, truth: Truth): void {
    if (!wire.connected || this.#random.chance(this.#faults.drop)) {
      wire.missed = true
      return
    }
    wire.queue.push(truth)
    if (this.#random.chance(this.#faults.double)) wire.queue.push(truth)
  }

  // In order even where a follower publishes: what it publishes comes after what it was given.
  #emit(): void {
    this.#emitting = true
    for (const wire of [...this.wires]) while (wire.queue.length > 0) this.deliver(wire)
    this.#emitting = false
  }
}

function settled<T>(answer: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const value = answer()
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}
