import { SERIES } from '../series.mjs'
import { median, round } from './metrics.mjs'
import { svg, text } from './plot.mjs'
import { about, table } from './table.mjs'

const WIDTH = 300
const HEIGHT = 190
const LEFT = 62
const RIGHT = 16
const TOP = 46
const BOTTOM = 34

/** How each figure grows, as Markdown. */
export function scaleReport(environment, rows) {
  const parts = measured(rows).flatMap(name => [`## ${SERIES[name].title}`, seriesTable(name, rows)])
  const errors = rows.reduce((sum, row) => sum + (row.errors ?? 0), 0)
  const end = `${errors} events were missing, doubled, out of order or wrongly framed.`
  const head = ['# How cost grows', 'Made by `node bench/scale.mjs`.', about(environment, rows)]
  return [...head, ...parts, end, ''].join('\n\n')
}

const measured = rows => Object.keys(SERIES).filter(name => rows.some(row => row.series === name))

function seriesTable(name, rows) {
  const { x, figures, points } = SERIES[name]
  const lines = points.map(point => {
    const values = figures.map(figure => medianAt(name, point, figure, rows))
    return [point.toLocaleString('en'), ...values.map(value => (value === undefined ? '–' : round(value)))]
  })
  return table([x, ...figures.map(({ unit }) => unit)], lines)
}

function medianAt(name, point, { field, scale = 1 }, rows) {
  const runs = rows.filter(row => row.series === name && row.x === point && typeof row[field] === 'number')
  return median(runs.map(row => row[field] * scale))
}

/** The first figure of each series, both axes logarithmic: a level line is a cost that does not grow. */
export function scalePlot(rows) {
  const names = measured(rows)
  const panels = names.map((name, index) => {
    const [x, y] = [10 + (index % 3) * WIDTH, 4 + Math.floor(index / 3) * HEIGHT]
    return `<g transform="translate(${x} ${y})">${panel(name, rows)}</g>`
  })
  return svg(
    'How the cost of koa-eventfeed grows',
    3 * WIDTH + 20,
    Math.ceil(names.length / 3) * HEIGHT + 10,
    panels.join('\n'),
  )
}

function panel(name, rows) {
  const { plot, x, figures, points } = SERIES[name]
  const values = points.map(point => medianAt(name, point, figures[0], rows))
  const known = values.filter(value => value !== undefined)
  const [low, high] = [
    10 ** Math.floor(Math.log10(Math.min(...known))),
    10 ** Math.ceil(Math.log10(Math.max(...known))),
  ]
  const across = scale(points[0], points.at(-1), LEFT, WIDTH - RIGHT - 20)
  const up = scale(low, high, HEIGHT - BOTTOM, TOP)
  const places = points.map((point, index) => [across(point), values[index]]).filter(([, value]) => value !== undefined)
  const line = places.map(([at, value]) => `${at.toFixed(1)},${up(value).toFixed(1)}`).join(' ')
  return [
    text(4, 18, plot, 'title'),
    text(4, 33, `${figures[0].unit}, over ${x}`, 'unit'),
    ...decades(low, high).map(value => gridLine(up(value), round(value))),
    ...points.map(point => text(across(point) - 8, HEIGHT - BOTTOM + 16, short(point), 'unit')),
    `<polyline class="line" points="${line}"/>`,
    ...places.map(([at, value]) => `<circle class="own" cx="${at.toFixed(1)}" cy="${up(value).toFixed(1)}" r="3"/>`),
    ...places.map(([at, value]) => text(at - 8, up(value) - 8, round(value), 'value')),
  ].join('')
}

const gridLine = (y, label) =>
  `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/>${text(LEFT - 16, y + 4, label, 'name')}`

// From a range of values, by their logarithms, to a range of places.
function scale(low, high, from, to) {
  const span = Math.log(high / low) || 1
  return value => from + (Math.log(value / low) / span) * (to - from)
}

function decades(low, high) {
  const count = Math.round(Math.log10(high / low))
  return Array.from({ length: count + 1 }, (_, n) => low * 10 ** n)
}

const short = number => (number >= 1_000 ? `${Number((number / 1_000).toFixed(1))}k` : String(number))
