import { once } from 'node:events'
import { afterAll, expect, test } from '@jest/globals'
import { Snippets } from '../snippets.js'
import { readExposition, valueIn } from './exposition.js'

const docs = new Snippets('docs/metrics.md')

afterAll(() => docs.kill())

test('every snippet of docs/metrics.md is accepted by the type checker, and is run here', async () => {
  const compiled = docs.compile('')
  expect([compiled.stdout, compiled.status]).toEqual(['', 0])
  expect(docs.text.match(/^```\w+/gm)).toEqual(['```sh', '```ts', '```ts', '```ts'])

  const url = await docs.serve('collectDefaultMetrics')
  const metrics = readExposition(await (await fetch(`${url}/metrics`)).text())
  expect(valueIn(metrics, 'koa_eventfeed_connections')).toBe(0)
  expect(valueIn(metrics, 'process_resident_memory_bytes')).toBeGreaterThan(0)

  const others = [docs.run("router: 'chat'"), docs.run('koa-eventfeed:publish')]
  expect(await Promise.all(others.map(child => once(child, 'exit')))).toEqual([
    [0, null],
    [0, null],
  ])
})
