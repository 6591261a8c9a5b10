const REPLICA = 'src/replica.ts'
const JOINING = 'src/joining.ts'
const POSITION = 'src/position.ts'

/** Each rule, with a way to break it: `find` occurs once in `file`, and `put` replaces it. */
export const mutations = [
  {
    rule: 'R1',
    broken: 'reads before the subscription is acknowledged',
    file: REPLICA,
    find: '    await this.#subscribed()\n',
    put: '    this.#subscribed().catch(() => {})\n',
  },
  {
    rule: 'R1',
    broken: 'subscribes anew at every read',
    file: REPLICA,
    find: 'this.#unsubscribe ??= this.#plugin.subscribe(',
    put: 'this.#unsubscribe = this.#plugin.subscribe(',
  },
  {
    rule: 'R2',
    broken: 'takes a message whether or not it follows',
    file: REPLICA,
    find: 'if (!follows(entry.position, log.top)) return log.has(entry.position)',
    put: 'if (log.has(entry.position)) return true',
  },
  {
    rule: 'R2',
    broken: 'compares epoch and offset, not the link',
    file: POSITION,
    find: ' && next.parent === previous.tag',
    put: '',
  },
  {
    rule: 'R2',
    broken: 'leaves out what does not follow, and does not read again',
    file: REPLICA,
    find: 'else if (this.#log && !this.#accept(entry)) this.#resyncOrReport()',
    put: 'else if (this.#log) this.#accept(entry)',
  },
  {
    rule: 'R2',
    broken: 'reads again for a duplicate',
    file: REPLICA,
    find: 'return log.has(entry.position)',
    put: 'return false',
  },
  {
    rule: 'R3',
    broken: 'does not judge anew what came during the read',
    file: REPLICA,
    find: 'received = this.#received',
    put: 'received = []',
  },
  {
    rule: 'R3',
    broken: 'keeps what came before the read was issued',
    file: REPLICA,
    find: '      this.#received = []\n',
    put: '      this.#received = received\n',
  },
  {
    rule: 'R3',
    broken: 'takes live messages while it reads',
    file: REPLICA,
    find: 'if (this.#received) this.#received.push(entry)\n    else if',
    put: 'if',
  },
  {
    rule: 'R4',
    broken: 'gives history beyond the bound',
    file: JOINING,
    find: '.filter(({ position }) => position.offset <= top.offset)',
    put: '',
  },
  {
    rule: 'R4',
    broken: 'does not check that history leads to the bound',
    file: JOINING,
    find: 'whole: isChain(after, missed, top)',
    put: 'whole: true',
  },
  {
    rule: 'R4',
    broken: 'goes live at the top after the read, not at the bound',
    file: JOINING,
    find: 'this.#hooks.joined(cursor, missed.place, log)',
    put: 'this.#hooks.joined(cursor, log.end, log)',
  },
  {
    rule: 'R5',
    broken: 'does not read first for a position that is ahead',
    file: JOINING,
    find: 'after.offset > log.top.offset',
    put: 'after.offset < 0',
  },
  {
    rule: 'R6',
    broken: 'does not read again after a lost connection',
    file: REPLICA,
    find: '() => this.#resyncOrReport(),',
    put: '() => {},',
  },
]
