import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { SseRouter } from 'koa-eventfeed'
import { collectMetrics } from 'koa-eventfeed/plugins/prom-client'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { type Metric, readExposition, type Sample } from './exposition.js'
import { readExpression, type Selector } from './promql.js'

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: { type: string; uid: string }
  gridPos: { x: number; y: number; w: number; h: number }
  fieldConfig?: { defaults: { unit?: string }; overrides: unknown[] }
  options?: object
  targets?: { refId: string; expr: string; datasource: object; legendFormat: string }[]
  panels?: unknown[]
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const text = read('docs/grafana/dashboard.json')
const dashboard = JSON.parse(text)
const panels: Panel[] = dashboard.panels
const plots = panels.filter(({ type }) => type !== 'row')
const variables: { name: string; type: string; definition?: string }[] = dashboard.templating.list
const [watch = ''] = /^### What to watch$.*?^###/ms.exec(read('docs/metrics.md')) ?? []
const ALERTS = [...watch.matchAll(/^\| `(.+?)` \|/gm)].map(([, expr = '']) => expr.replaceAll('\\|', '|'))

let metrics: Map<string, Metric>

beforeAll(async () => {
  const register = new Registry()
  collectDefaultMetrics({ register })
  const undo = collectMetrics(new SseRouter(), { register, router: 'news' })
  metrics = readExposition(await register.metrics())
  undo()
  register.clear()
})

describe('each expression', () => {
  const expressions = [...plots.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...ALERTS]

  test('is there: in the dashboard, and among what to watch', () => {
    expect(plots.every(({ targets = [] }) => targets.length > 0)).toBe(true)
    expect(ALERTS.length).toBeGreaterThan(4)
  })

  test.each([...new Set(expressions)])('%s selects what the plugin tells', expr => {
    const { selectors, calls, groups } = readExpression(expr)
    for (const selector of selectors) {
      const { type, samples } = familyOf(selector.name)
      expect(samples.some(sample => matches(sample, selector))).toBe(true)
      expect({ expr, isRate: selector.hasRange }).toEqual({ expr, isRate: type !== 'gauge' })
    }
    const labels = selectors.flatMap(({ name }) => [...labelsOf(name)])
    expect(groups.filter(label => !labels.includes(label))).toEqual([])
    expect(calls.includes('histogram_quantile') && !groups.includes('le')).toBe(false)
    expect(calls.filter(call => !FUNCTIONS.includes(call))).toEqual([])
  })

  test('with variables uses those that the dashboard has', () => {
    const used = [...text.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name)
    const known = variables.map(({ name }) => name)
    expect([...new Set(used)].filter(name => !['__rate_interval', '__all'].includes(name)).sort()).toEqual(known.sort())
  })
})

test('every metric of the plugin is shown', () => {
  const shown = plots.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => readExpression(expr).selectors))
  const own = [...metrics.keys()].filter(name => name.startsWith('koa_eventfeed_'))
  expect(own.filter(name => !shown.some(selector => nameOf(selector.name) === name))).toEqual([])
})

test('variables ask for labels that there are', () => {
  for (const { definition } of variables.filter(({ type }) => type === 'query')) {
    const [, metric = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition ?? '') ?? []
    const [selector] = readExpression(metric).selectors
    expect(labelsOf((selector as Selector).name)).toContain(label)
  }
})

describe('what Grafana requires to import it', () => {
  test('is there', () => {
    expect(dashboard).toMatchObject({ id: null, title: 'koa-eventfeed', uid: expect.stringMatching(/^[\w-]{8,40}$/) })
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36)
    expect(dashboard).toMatchObject({ time: { from: 'now-1h', to: 'now' }, annotations: { list: [{ builtIn: 1 }] } })
    expect(variables[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
    const required = dashboard.__requires.filter(({ type }: Panel) => type === 'panel').map(({ id }: Panel) => id)
    expect(required).toEqual([...new Set(plots.map(({ type }) => type))].sort())
  })

  test('panels have ids of their own, a title, a description, a unit and the chosen data source', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const chosen = { type: 'prometheus', uid: `\${datasource}` }
    for (const { title, description, datasource, fieldConfig, options, targets = [] } of plots) {
      expect({ title, description }).toEqual({
        title: expect.stringMatching(/./),
        description: expect.stringMatching(/\.$/),
      })
      expect(fieldConfig?.defaults.unit ?? '').toMatch(/./)
      expect(options).toEqual(expect.any(Object))
      expect([datasource, ...targets.map(target => target.datasource)].every(its => isSame(its, chosen))).toBe(true)
      expect(targets.map(({ refId }) => refId)).toEqual([...'ABCDE'].slice(0, targets.length))
    }
  })

  test('panels lie beside and below each other, under five rows', () => {
    const taken = new Set<string>()
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false])
          taken.add(`${x} ${y}`)
        }
      }
    }
    const rows = panels.filter(({ type }) => type === 'row')
    expect(rows.map(({ title }) => title)).toEqual(ROWS)
    for (const { gridPos, panels: inner } of rows)
      expect({ ...gridPos, inner }).toMatchObject({ w: 24, h: 1, inner: [] })
  })
})

const ROWS = ['Streams', 'Delivery', 'Holes and slow clients', 'Redis health', 'Process']

const FUNCTIONS = ['sum', 'min', 'max', 'rate', 'increase', 'histogram_quantile']

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** The name of the metric that a series belongs to. */
const nameOf = (series: string) => (metrics.has(series) ? series : series.replace(/_(bucket|sum|count)$/, ''))

function familyOf(series: string): Metric {
  const metric = metrics.get(nameOf(series))
  if (!metric) throw new Error(`There is no metric ${series}`)
  return metric
}

/** Prometheus adds those of where it has a value from. */
const labelsOf = (series: string) =>
  new Set(['job', 'instance', ...familyOf(series).samples.flatMap(({ labels }) => Object.keys(labels))])

function matches({ name, labels }: Sample, selector: Selector): boolean {
  if (name !== selector.name) return false
  return selector.matchers.every(({ label, operator, value }) => {
    if (!labelsOf(name).has(label)) return false
    return (
      value.startsWith('$') ||
      (operator === '=~' ? new RegExp(`^(?:${value})$`).test(labels[label] ?? '') : labels[label] === value)
    )
  })
}
