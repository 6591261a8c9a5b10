import { find, say } from './dom.js'
import { count, span } from './format.js'
import { countWords, Table } from './table.js'

const columns = [
  { head: 'Mount', kind: 'name', text: ({ mount }) => mount || '–', title: ({ mount }) => mount },
  { head: 'Key', kind: 'name', text: ({ key }) => key || '–', title: ({ key }) => key },
  { head: 'Viewers', kind: 'number', text: ({ viewers }) => count(viewers) },
  { head: 'Events', kind: 'number', text: ({ events }) => count(events) },
  { head: 'Age', kind: 'number', text: ({ age }) => span(age) },
  { head: 'Source', text: ({ holder }) => (holder ? 'here' : 'elsewhere') },
]

/** The shared runs that are alive. */
export class Runs {
  #section = find('#runs')
  #table = new Table(this.#section, columns, ({ mount, key }) => `${mount} ${key}`)

  show({ runs }) {
    const held = this.#table.show(runs.rows, 'No shared run is alive in this process.')
    say(this.#section.querySelector('.count'), runs.total === 0 ? '' : countWords(runs, 'runs', held))
  }
}
