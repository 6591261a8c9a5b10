import { NOWHERE, type Position } from '../../src/position.js'
import { Broker } from './broker.js'
import { Client, emptyTally, named, type Tally } from './client.js'
import { Network, type Wire } from './network.js'
import { Process } from './process.js'
import { hostile, lossy, type Profile } from './profile.js'
import { Random } from './random.js'

/** Most steps that may lead to rest after the last accident. */
const LONGEST_CALM = 5_000

const LETTERS = 'é'.repeat(8_000)

/** What one schedule came to. */
export interface Outcome {
  readonly tally: Tally
  /** What was wrong; nothing if all went as promised. */
  readonly broken: string | undefined
  readonly trace: readonly string[]
}

/** One random order of everything that can happen to a channel, and then of everything that brings it to rest. */
export class Schedule {
  readonly #random: Random
  readonly #profile: Profile
  readonly #broker: Broker
  readonly #network: Network
  readonly #processes: readonly Process[]
  readonly #clients: readonly Client[]
  readonly #tally = emptyTally()
  readonly #trace: string[] = []
  readonly #traced: boolean
  #broken: string | undefined
  #snapshot: ReturnType<Broker['snapshot']> | undefined

  constructor(seed: number, profile: 'lossy' | 'hostile', traced = false) {
    this.#traced = traced
    this.#random = new Random(seed)
    this.#profile = (profile === 'lossy' ? lossy : hostile)(this.#random)
    const { faults, instant, settings } = this.#profile
    this.#broker = new Broker(this.#profile.history)
    this.#network = new Network(this.#broker, this.#random, faults, instant)
    const broken = (what: string) => this.#fails(what)
    this.#processes = [1, 2].map(() => new Process(this.#network, settings, broken))
    this.#clients = ['Ann', 'Bob', 'Cem', 'Dee', 'Eve']
      .slice(0, this.#random.between(1, 5))
      .map(name => this.#client(name))
  }

  async run(): Promise<Outcome> {
    this.#note(JSON.stringify(this.#profile))
    for (let step = 0; step < this.#profile.steps && !this.#broken; step++) {
      await this.#step()
      await this.#pause()
    }
    await this.#rest()
    this.#judge()
    for (const client of this.#clients) client.leave()
    return { tally: this.#tally, broken: this.#broken, trace: this.#trace }
  }

  async #step(): Promise<void> {
    const random = this.#random
    const kind = random.next()
    if (kind < 0.24) this.#publish()
    else if (kind < 0.46) this.#deliver()
    else if (kind < 0.7) this.#work()
    else if (kind < 0.78) this.#comeOrGo(random.pick(this.#clients))
    else if (kind < 0.86) this.#wake()
    else if (kind < 0.93) await this.#turn()
    else if (kind < 0.96) this.#interrupt()
    else if (this.#profile.forgetful) this.#forget()
  }

  #publish(): void {
    const size = this.#random.below(this.#profile.data)
    this.#note(`published: ${named(this.#network.publish(LETTERS.slice(0, size >> 1)))}`)
  }

  #deliver(): void {
    const wires = this.#network.wires.filter(({ queue }) => queue.length > 0)
    if (wires.length === 0) return
    const wire = this.#random.pick(wires)
    this.#note(`arrives at ${this.#network.wires.indexOf(wire)}: ${named(wire.queue[0])} or a later one`)
    this.#network.deliver(wire)
  }

  #work(): void {
    const { tasks } = this.#network
    if (tasks.length === 0) return
    const task = this.#random.pick(tasks)
    const done = task.step()
    this.#note(`${task.name} ${done ? 'returns' : 'is done'}`)
    if (done) tasks.splice(tasks.indexOf(task), 1)
  }

  #comeOrGo(client: Client): void {
    if (!client.isHere) this.#come(client)
    else if (this.#random.chance(0.5)) {
      this.#note(`${client.name} leaves`)
      client.leave()
    }
  }

  #come(client: Client): void {
    if (this.#random.chance(0.1)) client.become()
    const index = this.#random.below(this.#processes.length)
    const process = this.#processes[index] as Process
    const claim = this.#profile.strangers && this.#random.chance(0.3) ? this.#claim() : undefined
    this.#note(`${client.name} comes to ${index} with ${claim ? JSON.stringify(claim) : named(client.at)}`)
    client.come(after => process.follow(client, after), claim)
  }

  // Positions that nobody was given: of no channel, of another, of the future, of a lineage that never was.
  #claim(): Position {
    const { position } = this.#broker.top
    const offset = this.#random.below(position.offset + 3)
    return this.#random.pick([
      NOWHERE,
      { epoch: 'other', offset, parent: 'aaaa', tag: 'bbbb' },
      { ...position, offset: position.offset + 1 + offset, tag: 'bbbb' },
      { ...position, offset, tag: 'bbbb' },
    ])
  }

  #wake(): void {
    const waiting = this.#clients.filter(({ ready }) => !ready)
    if (waiting.length === 0) return
    const client = this.#random.pick(waiting)
    this.#note(`${client.name} reads again`)
    client.ready = true
    client.cursor?.advance()
  }

  async #turn(): Promise<void> {
    this.#note('turn of the event loop')
    await turn()
    for (const process of this.#processes) process.sweep()
  }

  #interrupt(): void {
    const { wires } = this.#network
    if (!this.#profile.cuts || wires.length === 0) return
    const wire = this.#random.pick(wires)
    this.#note(`${wires.indexOf(wire)} ${wire.connected ? 'is cut' : 'is back'}`)
    if (wire.connected && !wire.missed) this.#network.cut(wire)
    else if (!wire.connected && this.#random.chance(0.5)) this.#network.reconnect(wire)
    else if (this.#isToBeTold(wire)) this.#network.tell(wire)
  }

  #forget(): void {
    const kind = this.#random.below(4)
    this.#note(['snapshot', 'back to the snapshot', 'flush', 'history evicted'][kind] as string)
    if (kind === 0) this.#snapshot = this.#broker.snapshot()
    else if (kind === 1) this.#broker.restore(this.#snapshot ?? this.#broker.snapshot())
    else if (kind === 2) this.#broker.flush()
    else this.#broker.evictStream()
    for (const wire of this.#network.wires) wire.missed = true
  }

  // Promises go on by themselves, as far as the schedule lets them before the next step.
  async #pause(): Promise<void> {
    for (let ticks = this.#random.chance(0.4) ? 30 : this.#random.below(5); ticks > 0; ticks--) await undefined
  }

  // No more accidents: what is under way arrives, in any order, and every interruption is told.
  async #rest(): Promise<void> {
    this.#network.heal()
    for (const client of this.#clients) if (!client.isHere && this.#random.chance(0.7)) this.#come(client)
    if (this.#random.chance(0.5)) this.#publish()
    for (let step = 0; step < LONGEST_CALM && !this.#broken; step++) {
      const actions = this.#calming()
      if (actions.length > 0) this.#random.pick(actions)()
      else if (await this.#isQuiet()) return
      await this.#pause()
    }
    this.#fails('Never comes to rest')
  }

  #calming(): (() => void)[] {
    const { wires, tasks } = this.#network
    const actions = wires.filter(wire => this.#isToBeTold(wire)).map(wire => () => this.#tell(wire))
    if (wires.some(({ queue }) => queue.length > 0)) actions.push(() => this.#deliver())
    if (tasks.length > 0) actions.push(() => this.#work())
    if (this.#clients.some(({ ready }) => !ready)) actions.push(() => this.#wake())
    return actions
  }

  // What is on its way from a lineage that is lost comes before the word of it: nothing else could tell the two apart.
  #isToBeTold({ missed, queue }: Wire): boolean {
    return missed && !(this.#profile.forgetful && queue.length > 0)
  }

  #tell(wire: Wire): void {
    this.#note(`${this.#network.wires.indexOf(wire)} is told that it may have missed something`)
    this.#network.tell(wire)
  }

  async #isQuiet(): Promise<boolean> {
    for (let turns = 0; turns < 6; turns++) await turn()
    return this.#calming().length === 0
  }

  #judge(): void {
    const top = this.#broker.top
    for (const client of this.#clients) {
      if (client.isHere && !client.isLive) this.#fails(`${client.name} is never told that it is live`)
      if (client.isHere && client.at !== top)
        this.#fails(`${client.name} stalls at ${named(client.at)}, not ${named(top)}`)
    }
    if (!this.#processes.every(process => process.isSubscribedRightly())) this.#fails('Subscribed twice, or for nobody')
    this.#judgeResets()
  }

  #judgeResets(): void {
    const { forgetful, strangers, history, settings } = this.#profile
    const { absent, epoch, rollback, fork, trimmed, limit, malformed } = this.#tally.resets
    if (!strangers && malformed > 0) this.#fails('Reset as malformed, needlessly')
    if (!strangers && !forgetful && absent + epoch + rollback + fork > 0)
      this.#fails('Reset though nothing was forgotten')
    if (!forgetful && !strangers && history === 10_000 && trimmed > 0) this.#fails('Reset though nothing was trimmed')
    if (settings.maxReplay === 10_000 && limit > 0) this.#fails('Reset though there was no limit')
    if (!forgetful && this.#tally.repeated > 0) this.#fails('An event came twice')
  }

  #client(name: string): Client {
    const random = this.#random
    const whenBehind = random.chance(0.8) ? 'catch-up' : random.pick(['latest', 'close'] as const)
    const slow = random.chance(0.5) ? random.next() : 0
    const after = (client: Client) => {
      if (random.chance(slow)) client.ready = false
      if (random.chance(0.01)) client.leave()
      if (random.chance(0.02)) this.#publish()
    }
    const broken = (what: string) => this.#fails(what)
    const note = (what: string) => this.#note(what)
    return new Client(name, whenBehind, { broker: this.#broker, tally: this.#tally, broken, note, after })
  }

  #fails(what: string): void {
    this.#note(`BROKEN: ${what}`)
    this.#broken ??= what
  }

  #note(what: string): void {
    if (this.#traced) this.#trace.push(what)
  }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))
