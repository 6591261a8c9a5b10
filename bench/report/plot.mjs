import { BASE } from '../lib/servers.mjs'
import { METRICS, round, serversOf, statOf, timesBetter } from './metrics.mjs'

const COLUMNS = 3
const WIDTH = 300
const LABEL = 92
const BAR = 16
const ROW = 22
const TOP = 58

/** Bars for each metric that has a place in the plot: as an SVG that is readable on light and dark pages. */
export function barPlot(rows, note) {
  const servers = serversOf(rows)
  const panels = METRICS.filter(metric => metric.plot && servers.some(server => statOf(metric, server, rows)))
  const height = TOP + servers.length * ROW + 14
  const [width, total] = [COLUMNS * WIDTH + 20, Math.ceil(panels.length / COLUMNS) * height + 34]
  const drawn = panels.map((metric, index) => {
    const [x, y] = [10 + (index % COLUMNS) * WIDTH, 4 + Math.floor(index / COLUMNS) * height]
    return `<g transform="translate(${x} ${y})">${panel(metric, servers, rows)}</g>`
  })
  return svg('koa-eventfeed and its peers', width, total, [...drawn, text(14, total - 12, note, 'unit')].join('\n'))
}

function panel(metric, servers, rows) {
  const values = servers.map(server => statOf(metric, server, rows))
  const most = Math.max(...values.map(value => value?.median ?? 0))
  const unit = `${metric.unit}, ${metric.more ? 'more' : 'less'} is better`
  const bars = servers.map((server, index) => bar(server, values[index], most, TOP - 16 + index * ROW))
  const times = timesBetter(metric, values[servers.indexOf('koa-eventfeed')], values[servers.indexOf(BASE)])
  const claim = times === undefined ? '' : text(WIDTH - 22, 18, `${round(times)}×`, 'claim')
  return [text(4, 18, metric.plot, 'title'), claim, text(4, 33, unit, 'unit'), ...bars].join('')
}

function bar(server, value, most, y) {
  const name = text(LABEL - 4, y + 12, server, 'name')
  if (!value) return name + text(LABEL + 4, y + 12, 'not measured', 'unit')
  const length = Math.max(1, (value.median / most) * (WIDTH - LABEL - 76))
  const shape = `<rect class="${server === 'koa-eventfeed' ? 'own' : 'other'}" x="${LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2"/>`
  return name + shape + text(LABEL + length + 5, y + 12, `${value.over ? '> ' : ''}${round(value.median)}`, 'value')
}

/** A picture with the benchmark's style, and a title for who cannot see it. */
export function svg(title, width, height, content) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${title}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .unit { fill: #57606a; font-size: 11px }
.name { text-anchor: end; font-size: 11px } .value { font-size: 11px } .claim { font-weight: 700; text-anchor: end; fill: #0a7d4f }
.own { fill: #14a06b } .other { fill: #afb8c1 } .line { fill: none; stroke: #14a06b; stroke-width: 2 } .grid { stroke: #d0d7de }
</style>
<rect width="100%" height="100%" rx="6" fill="#ffffff"/>
${content}
</svg>
`
}

/** A text at a place. */
export function text(x, y, content, style) {
  const safe = content.replace(/[&<>]/g, sign => `&#${sign.charCodeAt(0)};`)
  return `<text class="${style}" x="${x.toFixed(1)}" y="${y.toFixed(1)}">${safe}</text>`
}
