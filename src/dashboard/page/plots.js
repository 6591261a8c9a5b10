import { element, find, say, scrollable } from './dom.js'
import { bytes, bytesParts, clock, count, rate } from './format.js'
import { Plot } from './plot.js'
import { Series } from './series.js'

const perSecond = value => [rate(value), '/s']

const SPECS = [
  { field: 'connections', title: 'Connections', least: 10, parts: value => [count(value), 'open'] },
  { field: 'accepted', title: 'New streams', least: 5, parts: perSecond },
  { field: 'published', title: 'Published', least: 5, parts: perSecond },
  { field: 'events', title: 'Events sent', least: 10, parts: perSecond },
  {
    field: 'bytes',
    title: 'Data sent',
    least: 1_000,
    parts: value => {
      const [number, unit] = bytesParts(value)
      return [number, `${unit}/s`]
    },
  },
  {
    field: 'delay',
    title: 'Event-loop delay',
    least: 20,
    parts: value => [rate(value), 'ms'],
    note: () => 'longest in the second',
  },
  { field: 'cpu', title: 'CPU', least: 0.2, parts: value => [rate(value * 100), '% of one core'] },
  {
    field: 'rss',
    second: 'heap',
    title: 'Memory',
    least: 50_000_000,
    parts: bytesParts,
    note: ({ heap }) => `heap ${bytes(heap)}`,
  },
]

/** The plots, which are looked back on together: with the pointer in any of them, or with the slider. */
export class Plots {
  #series = new Series()
  #plots = SPECS.map(spec => new Plot(spec, back => this.#point(back)))
  #slider = find('#back')
  #time = find('#cursor-time')
  #pointed
  #due = false

  constructor() {
    find('.plots').append(...this.#plots.map(({ node }) => node))
    this.#slider.addEventListener('input', () => this.#slid())
    find('#figures').addEventListener('toggle', ({ target }) => target.open && this.#fillTable())
    scrollable(find('#figures .scroll'), 'Table of figures')
    document.addEventListener('visibilitychange', () => this.#drawSoon())
    this.#slid()
  }

  add(samples) {
    this.#series.add(samples)
    this.#drawSoon()
  }

  /** Seconds that are looked back; undefined for now. */
  get #back() {
    return this.#pointed ?? (this.#slider.value === '0' ? undefined : -this.#slider.value)
  }

  #point(back) {
    this.#pointed = back
    this.#drawSoon()
  }

  #slid() {
    this.#slider.setAttribute('aria-valuetext', this.#sentence())
    this.#drawSoon()
  }

  #drawSoon() {
    if (this.#due || document.hidden) return
    this.#due = true
    requestAnimationFrame(() => {
      this.#due = false
      this.#draw()
    })
  }

  #draw() {
    const back = this.#back
    const shown = this.#series.ago(back)
    for (const plot of this.#plots) plot.draw(this.#series.samples, shown, back)
    say(this.#time, back === undefined ? 'The last 5 minutes' : this.#when(back))
  }

  #when(back) {
    const { latest } = this.#series
    return latest ? `${clock(latest.at - back * 1_000)}, ${back} s ago` : `${back} s ago`
  }

  #sentence() {
    const back = this.#back
    const shown = this.#series.ago(back)
    const figures = SPECS.map(({ field, title }, index) => `${title} ${this.#plots[index].words(shown?.[field])}`)
    return `${back === undefined ? 'Now' : this.#when(back)}: ${figures.join(', ')}`
  }

  // As of when it is opened: a table that changed all the time could not be read.
  #fillTable() {
    const cell = (tag, text) => element(tag, { className: 'number' }, text)
    const head = ['Time', ...SPECS.map(({ title }) => title)].map(title =>
      Object.assign(cell('th', title), { scope: 'col' }),
    )
    const rows = [0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 299].map(back => {
      const sample = this.#series.ago(back)
      const at = this.#series.latest ? clock(this.#series.latest.at - back * 1_000) : ''
      const cells = SPECS.map(({ field }, index) => cell('td', this.#plots[index].words(sample?.[field])))
      return element('tr', {}, Object.assign(cell('th', at), { scope: 'row' }), ...cells)
    })
    find('#figures table').replaceChildren(
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...rows),
    )
  }
}
