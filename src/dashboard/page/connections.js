import { element, find, say } from './dom.js'
import { Ending } from './ending.js'
import { bytes, count, NONE, span } from './format.js'
import { countWords, onSearch, Table } from './table.js'

/** The streams that are open, each of which may be ended. */
export class Connections {
  #section = find('#connections')
  #ending = new Ending(this.#section.querySelector('.said'))
  #search = ''
  #now = 0
  #table

  constructor(feed) {
    const sort = by => feed().ask({ connectionsBy: by })
    this.#table = new Table(this.#section, this.#columns(), ({ id }) => id, sort)
    onSearch(this.#section, text => {
      this.#search = text
      feed().ask({ connections: text })
    })
  }

  show({ connections, sample, readOnly, isFirst }) {
    this.#now = sample.at
    this.#section.classList.toggle('read-only', readOnly)
    const held = this.#table.show(connections.rows, this.#emptyWords(), isFirst)
    say(this.#section.querySelector('.count'), countWords(connections, 'connections', held))
  }

  #emptyWords() {
    return this.#search ? `No connection has “${this.#search}” in it.` : 'No stream is open in this process.'
  }

  #columns() {
    return [
      { head: 'Client', kind: 'name', text: ({ address }) => address, title: ({ address }) => address },
      { head: 'Key', kind: 'name', text: ({ key }) => key ?? NONE, title: ({ key = '' }) => key },
      { head: 'Stream', kind: 'name', text: streamOf, title: streamOf },
      { head: 'Held back', kind: 'number', by: 'held', text: ({ held }) => (held === 0 ? NONE : bytes(held)) },
      { head: 'Open for', kind: 'number', by: 'age', text: ({ opened }) => span(this.#now - opened) },
      { head: 'Events', kind: 'number', by: 'events', text: ({ events }) => count(events) },
      { head: 'Sent', kind: 'number', by: 'bytes', text: connection => bytes(connection.bytes) },
      { head: 'End', kind: 'action', make: connection => this.#endButton(connection) },
    ]
  }

  #endButton(connection) {
    const { address, id } = connection
    const ariaLabel = `End connection ${id} of ${address}`
    const button = element('button', { type: 'button', className: 'small', ariaLabel }, 'End')
    button.addEventListener('click', () => {
      this.#ending.ask(connection, `${describe(connection)}, open for ${span(this.#now - connection.opened)}.`)
    })
    return button
  }
}

function streamOf({ path, channel, others }) {
  const more = others > 0 ? ` and ${others} more` : ''
  return [path, channel && `${channel}${more}`].filter(Boolean).join(' · ') || NONE
}

function describe({ address, key, ...stream }) {
  return `${address}${key ? ` (${key})` : ''} reads ${streamOf(stream)}`
}
