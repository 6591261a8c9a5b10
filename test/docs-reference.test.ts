import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'

const root = fileURLToPath(new URL('..', import.meta.url))
const { name, version, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.keys(exports)
  .filter(path => exports[path].default !== undefined)
  .map(path => path.replace('.', name))

const folder = mkdtempSync(join(tmpdir(), 'koa-eventfeed-docs-'))
let written: ReturnType<typeof spawnSync>

// With its own tool, which is installed by the first that needs it.
beforeAll(() => {
  const args = [join(root, 'scripts/docs.mjs'), '--out', folder, '--logLevel', 'Warn']
  written = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('npm run docs', () => {
  test('warns of nothing: what is exported is documented, and every link leads somewhere', () => {
    const said = `${written.stderr}`.split('\n').filter(line => line !== '' && !line.startsWith('npm '))
    expect([said, written.status]).toEqual([[], 0])
  })

  test.each(entries)('tells of %s all that it exports', async entry => {
    const page = readFileSync(join(folder, 'modules', `${entry.replaceAll('/', '_')}.html`), 'utf8')
    expect(page).toContain(`<title>${entry} | ${name} - v${version}</title>`)
    const names = Object.keys(await import(entry))
    expect(names).not.toEqual([])
    for (const exported of names) expect(page).toMatch(new RegExp(`href="\\.\\./\\w+/[^"]*\\.${exported}\\.html"`))
  })
})
