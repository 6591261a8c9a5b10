import { element, find, isInUse, say } from './dom.js'
import { bytes, clock, count } from './format.js'

/** Events that are kept on the page. */
const KEPT = 100

/** Watches one channel at a time. */
export class Watch {
  #section = find('#watch')
  #form = find('#watch-form')
  #button = this.#form.querySelector('button')
  #said = this.#section.querySelector('.said')
  #count = this.#section.querySelector('.count')
  #list = this.#section.querySelector('.entries')
  #source
  #channel
  #seen = 0
  #waiting = []

  constructor() {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      if (this.#source) this.#stop()
      else this.start(this.channel)
    })
    this.#form.elements.channel.addEventListener('input', () => this.#name())
    this.#list.tabIndex = 0
    this.#list.addEventListener('pointerleave', () => this.#show())
    this.#list.addEventListener('blur', () => this.#show())
  }

  /** What is written in the field. */
  get channel() {
    return this.#form.elements.channel.value
  }

  start(channel) {
    this.#source?.close()
    this.#form.elements.channel.value = channel
    this.#channel = channel
    this.#seen = 0
    this.#waiting = []
    this.#list.replaceChildren()
    say(this.#count, '')
    say(this.#said, `Opening ${channel}`)
    this.#open(channel)
    this.#name()
  }

  #open(channel) {
    const source = new EventSource(`watch?${new URLSearchParams({ channel })}`)
    this.#source = source
    let opened = false
    source.addEventListener('watching', ({ data }) => {
      say(this.#said, `Watching ${channel}`)
      if (opened && !JSON.parse(data).resumes)
        this.#add([lineOf('The connection was lost: events may be missing here.')])
      opened = true
    })
    source.addEventListener('entries', ({ data }) => this.#receive(JSON.parse(data)))
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) this.#stop(`${channel} cannot be watched.`)
      else say(this.#said, `Reconnecting to ${channel}`)
    })
  }

  #stop(words = 'Not watching.') {
    this.#source.close()
    this.#source = undefined
    say(this.#said, words)
    this.#name()
  }

  // While a channel is watched the button stops that, or, with another name in the field, changes over.
  #name() {
    const isOther = this.#source && this.channel !== this.#channel
    if (isOther) this.#stop()
    say(this.#button, this.#source ? 'Stop' : 'Watch')
  }

  #receive({ entries, skipped }) {
    this.#seen += entries.length + skipped
    const gap = skipped > 0 ? [lineOf(`${count(skipped)} more came too fast to be shown.`)] : []
    this.#add([...gap, ...entries.map(itemOf)])
  }

  #add(items) {
    this.#waiting = [...this.#waiting, ...items].slice(-KEPT)
    if (!isInUse(this.#list)) this.#show()
    this.#tell()
  }

  #show() {
    this.#list.prepend(...this.#waiting.reverse())
    this.#waiting = []
    while (this.#list.children.length > KEPT) this.#list.lastChild.remove()
    this.#tell()
  }

  #tell() {
    const held = this.#waiting.length > 0 ? ` · ${this.#waiting.length} held back while you read` : ''
    say(this.#count, this.#seen === 0 ? '' : `${count(this.#seen)} seen${held}`)
  }
}

function itemOf({ at, id, event, data, bytes: size }) {
  const facts = [
    element('time', {}, clock(at)),
    element('b', { className: 'type' }, event ?? 'message'),
    element('span', {}, bytes(size)),
  ]
  if (id) facts.push(element('code', { title: id }, id))
  const cut = data.length < size && new Blob([data]).size < size
  const text = element('pre', {}, cut ? `${data}…` : data)
  return element('li', {}, element('p', { className: 'facts-of' }, ...facts.flatMap(fact => [fact, ' '])), text)
}

const lineOf = words => element('li', { className: 'line' }, words)
