import { element, find, say } from './dom.js'
import { clock, count } from './format.js'
import { Table } from './table.js'

const KINDS = { hole: 'Hole', failure: 'Error' }

const columns = [
  { head: 'Last', kind: 'time', text: ({ at }) => clock(at) },
  { head: 'What', bare: true, make: ({ kind }) => element('span', { className: `kind ${kind}` }, KINDS[kind]) },
  { head: 'Reason or code', bare: true, kind: 'name', text: ({ what }) => what },
  { head: 'Where', kind: 'name', text: ({ where }) => where || '–', title: ({ where }) => where },
  { head: 'Times', kind: 'number', text: ({ count: times }) => count(times) },
]

/** The newest holes and failures. */
export class Incidents {
  #section = find('#incidents')
  #table = new Table(this.#section, columns, ({ kind, what, where }) => JSON.stringify([kind, what, where]))

  show({ incidents }) {
    const held = this.#table.show(incidents, 'None. No client was told of a hole, and nothing has failed.')
    say(this.#section.querySelector('.count'), held ? 'held still' : '')
  }
}
