import { Broker, type Truth } from './broker.js'
import { Client, emptyTally } from './client.js'
import { Network } from './network.js'
import { Process } from './process.js'
import { Random } from './random.js'

const NO_FAULTS = { drop: 0, double: 0, overtake: 0, refuse: 0 }

/** The parts of the model, moved by hand: one step at a time, in the order that a test writes down. */
export class Stage {
  readonly broker: Broker
  readonly network: Network
  readonly tally = emptyTally()
  /** What clients met that they must never meet. */
  readonly broken: string[] = []
  readonly #published: Truth[] = []

  /** @param history How many entries the broker keeps. */
  constructor(history = 1_000) {
    this.broker = new Broker(history)
    this.network = new Network(this.broker, new Random(1), NO_FAULTS, false)
  }

  /** A process that serves the channel. */
  process(): Process {
    return new Process(this.network, { maxLog: 1_000_000, maxReplay: 1_000 }, what => this.broken.push(what))
  }

  /** A client, with what it does when it has been given something. */
  client(name: string, after: (client: Client) => unknown = () => {}): Client {
    const broken = (what: string) => this.broken.push(what)
    return new Client(name, 'catch-up', { broker: this.broker, tally: this.tally, broken, note: () => {}, after })
  }

  /** A client that has come to a process, from the newest event or from one that it has. */
  async join(client: Client, process: Process): Promise<void> {
    client.come(after => process.follow(client, after))
    await this.settle()
  }

  publish(count = 1): void {
    for (let n = 0; n < count; n++) this.#published.push(this.network.publish(`${n}`))
  }

  /** The entry that was published at an offset of the first lineage. */
  entry(offset: number): Truth {
    return this.#published[offset - 1] as Truth
  }

  /** Does the next step of the oldest task of a name: the first has the broker answer, the second brings the answer. */
  async step(name: string): Promise<void> {
    await turn()
    const { tasks } = this.network
    const task = tasks.find(waiting => waiting.name === name)
    if (!task)
      throw new Error(`Nothing waits for ${name}, but for ${tasks.map(waiting => waiting.name).join() || 'nothing'}`)
    if (task.step()) tasks.splice(tasks.indexOf(task), 1)
    await turn()
  }

  /** Delivers every message that is on its way. */
  async deliver(): Promise<void> {
    for (const wire of this.network.wires) while (wire.queue.length > 0) this.network.deliver(wire)
    await turn()
  }

  /** Lets all tasks finish, message by message. */
  async settle(): Promise<void> {
    await turn()
    for (let [task] = this.network.tasks; task; [task] = this.network.tasks) await this.step(task.name)
    await this.deliver()
    if (this.network.tasks.length > 0) await this.settle()
  }
}

// A sweep takes one turn of the event loop; what it leads to takes the next.
async function turn(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise(resolve => setImmediate(resolve))
}
