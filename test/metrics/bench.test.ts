import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

test('bench/metrics.mjs measures what the metrics cost', async () => {
  const bench = fileURLToPath(new URL('../../bench/metrics.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '--short', '--rounds', '1'])
  expect(stdout).toMatch(/^\| W8-1k-2000hz \| koa-eventfeed \| with metrics \| difference \|$/m)
  expect(stdout).toMatch(/^\| deliveries a second \| [\d,]+ \| [\d,]+ \| -?[\d.]+ % \|$/m)
})
