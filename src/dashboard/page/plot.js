import { drawn, element, say } from './dom.js'
import { NONE } from './format.js'
import { SHOWN } from './series.js'

const WIDTH = 300
const HEIGHT = 72

/** Longer than that without a sample is a gap: nothing was measured, so no line is drawn. */
const GAP = 3_500

/** A figure over time: its name, its value, and a line. */
export class Plot {
  node
  #spec
  #value = element('b', { className: 'figure' })
  #unit = element('span', { className: 'unit' })
  #note = element('span', { className: 'note' })
  #top = element('span', { className: 'top' })
  #area = drawn('path', { class: 'area' })
  #line = drawn('path', { class: 'line' })
  #second = drawn('path', { class: 'line second' })
  #dot = drawn('path', { class: 'dot' })
  #cursor = drawn('path', { class: 'cursor' })
  #svg

  constructor(spec, pointed) {
    this.#spec = spec
    const grid = drawn('path', { class: 'grid', d: `M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}` })
    const base = drawn('path', { class: 'base', d: `M0 ${HEIGHT}H${WIDTH}` })
    const shape = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' }
    this.#svg = drawn('svg', shape, grid, this.#area, this.#second, this.#line, base, this.#cursor, this.#dot)
    this.#listen(pointed)
    this.node = element(
      'li',
      { className: 'plot' },
      element('h3', {}, spec.title),
      element('p', { className: 'value' }, this.#value, ' ', this.#unit, ' ', this.#note),
      element('div', { className: 'canvas' }, this.#svg, this.#top),
      element(
        'p',
        { className: 'axis', ariaHidden: 'true' },
        element('span', {}, '−5 min'),
        element('span', {}, 'now'),
      ),
    )
  }

  /** Draws all samples, and shows the value of the one that is looked at. */
  draw(samples, shown, back) {
    const { field, second, title } = this.#spec
    const now = samples.at(-1)?.at ?? 0
    const values = samples.map(sample => sample[field]).filter(value => value !== undefined)
    const top = roundUp(Math.max(this.#spec.least, ...values))
    const paths = linesOf(samples, field, now, top)
    this.#line.setAttribute('d', paths.map(lineTo).join(''))
    this.#area.setAttribute('d', paths.map(areaUnder).join(''))
    if (second) this.#second.setAttribute('d', linesOf(samples, second, now, top).map(lineTo).join(''))
    this.#mark(shown?.[field], back, top)
    this.#tell(shown)
    say(this.#top, this.words(top))
    this.#svg.setAttribute('aria-label', `${title} over the last 5 minutes: ${this.#range(values)}`)
  }

  /** A value with its unit. */
  words(value) {
    if (value === undefined) return NONE
    const [number, unit] = this.#spec.parts(value)
    return unit.startsWith('%') ? `${number} %` : `${number} ${unit}`
  }

  #tell(sample) {
    const value = sample?.[this.#spec.field]
    const [number, unit] = value === undefined ? [NONE, ''] : this.#spec.parts(value)
    say(this.#value, number)
    say(this.#unit, unit)
    say(this.#note, sample ? (this.#spec.note?.(sample) ?? '') : '')
  }

  #mark(value, back, top) {
    const x = WIDTH - (back ?? 0) * (WIDTH / (SHOWN / 1_000))
    const y = value === undefined ? undefined : heightOf(value, top)
    this.#dot.setAttribute('d', y === undefined ? '' : `M${x} ${y}h0`)
    this.#cursor.setAttribute('d', back === undefined ? '' : `M${x} 0V${HEIGHT}`)
  }

  #range(values) {
    if (values.length === 0) return 'no figures yet'
    const [now, least, most] = [values.at(-1), Math.min(...values), Math.max(...values)].map(value => this.words(value))
    return `now ${now}, least ${least}, most ${most}`
  }

  #listen(pointed) {
    this.#svg.addEventListener('pointermove', ({ offsetX }) => {
      const share = 1 - offsetX / this.#svg.clientWidth
      pointed(Math.round(Math.min(1, Math.max(0, share)) * (SHOWN / 1_000)))
    })
    this.#svg.addEventListener('pointerleave', () => pointed(undefined))
  }
}

/** Runs of points without a gap between them. */
function linesOf(samples, field, now, top) {
  const lines = []
  let last
  for (const { at, [field]: value } of samples) {
    if (value === undefined) {
      last = undefined
      continue
    }
    if (last === undefined || at - last > GAP) lines.push([])
    lines.at(-1).push([round(WIDTH - (now - at) * (WIDTH / SHOWN)), heightOf(value, top)])
    last = at
  }
  return lines
}

const round = number => Math.round(number * 10) / 10
const heightOf = (value, top) => round(HEIGHT - (value / top) * (HEIGHT - 2))
const lineTo = points => `M${points.map(point => point.join(' ')).join('L')}${points.length === 1 ? 'h0' : ''}`
const areaUnder = points => `${lineTo(points)}V${HEIGHT}H${points[0][0]}Z`

/** The next round number: 1, 2 or 5 and noughts, so that the scale does not change with every value. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].find(step => step * power >= value) * power
}
