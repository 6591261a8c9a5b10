import { element, find, say } from './dom.js'
import { bytes, count, NONE, rate } from './format.js'
import { Rates } from './rates.js'
import { countWords, onSearch, Table } from './table.js'

/** The channels that have followers, of which one may be watched. */
export class Channels {
  #section = find('#channels')
  #rates = new Rates()
  #search = ''
  #table

  constructor(feed, watch) {
    const sort = by => feed().ask({ channelsBy: by })
    this.#table = new Table(this.#section, columns(this.#rates, watch), ({ name }) => name, sort)
    onSearch(this.#section, text => {
      this.#search = text
      feed().ask({ channels: text })
    })
  }

  show({ channels, sample, isFirst }) {
    this.#rates.note(sample.at, channels.rows)
    const held = this.#table.show(channels.rows, this.#emptyWords(), isFirst)
    say(this.#section.querySelector('.count'), countWords(channels, 'channels', held))
  }

  #emptyWords() {
    return this.#search ? `No channel's name has “${this.#search}” in it.` : 'Nobody follows a channel in this process.'
  }
}

function columns(rates, watch) {
  const rateOf = ({ name }) => {
    const found = rates.of(name)
    return found === undefined ? NONE : `${rate(found)}/s`
  }
  return [
    { head: 'Channel', kind: 'name', text: ({ name }) => name, title: ({ name }) => name },
    { head: 'Followers', kind: 'number', by: 'followers', text: ({ followers }) => count(followers) },
    { head: 'Events', kind: 'number', by: 'events', text: ({ events }) => count(events) },
    { head: 'Rate', kind: 'number', text: rateOf },
    { head: 'Log', kind: 'number', by: 'logBytes', text: ({ logBytes }) => bytes(logBytes) },
    { head: 'Lag', kind: 'number', by: 'lag', text: ({ lag }) => (lag === 0 ? NONE : bytes(lag)) },
    { head: 'Watch', kind: 'action', make: ({ name }) => watchButton(name, watch) },
  ]
}

function watchButton(name, watch) {
  const button = element('button', { type: 'button', className: 'small', ariaLabel: `Watch ${name}` }, 'Watch')
  button.addEventListener('click', () => watch(name))
  return button
}
