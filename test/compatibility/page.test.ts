import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { packageVersion } from './clients/versions.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8')
const page = read('docs/compatibility.md')

/** What docs/compatibility.md has rows for: titles, by the file that is linked. */
const rows = [...page.matchAll(/^\| \[(.+?)\]\(\.\.\/(.+?)\) \| (.*?) \|/gm)].map(([, what, file, version]) => ({
  title: `${what} ${version}`.trim().replaceAll('\\', ''),
  file: file ?? '',
}))

const files = readdirSync(`${root}/test/compatibility`, { recursive: true, encoding: 'utf8' })
  .map(name => `test/compatibility/${name.replaceAll('\\', '/')}`)
  .filter(name => /\/compatibility\/.+\/.+\.test\.ts$/.test(name))

/** The titles of the `describe`s at the top of a file, as patterns: what is only known when it runs may be anything. */
function titlesOf(file: string): RegExp[] {
  const calls = read(file).matchAll(/^describe(?:\.each(?:<.*>)?\([^`']*\))?\(\s*(['`])(.+?)\1,/gm)
  return [...calls].map(([, , title = '']) => {
    const known = title.replace(/\$\{packageVersion\('(.+?)'\)\}/g, (_, name: string) => packageVersion(name))
    const parts = known.split(/\$\{.+?\}|%s/)
    return new RegExp(`^${parts.map(part => part.replace(/[.*+?^$()[\]{}|\\]/g, '\\$&')).join('.+')}$`)
  })
}

// A failure means: run `npm run compatibility`, and commit the page that it writes.
describe('docs/compatibility.md', () => {
  test.each(files)('has rows for each describe of %s, of the versions that are installed', file => {
    const titles = rows.filter(row => row.file === file).map(row => row.title)
    expect(titles).not.toEqual([])
    for (const pattern of titlesOf(file)) expect(titles).toContainEqual(expect.stringMatching(pattern))
  })

  test('has no row of a file that is gone', () => {
    expect(rows.map(row => row.file).filter(file => !files.includes(file))).toEqual([])
  })

  test('has nothing that failed or was not there', () => {
    expect(page).not.toMatch(/## Failed|not installed/)
  })

  test.each([
    'event-source-polyfill',
    '@microsoft/fetch-event-source',
    'htmx2',
    'htmx4',
    '@hotwired/turbo',
    '@starfederation/datastar',
  ])('is of the version of %s that is installed', name => {
    expect(page).toContain(packageVersion(name))
  })

  test('gives the reason for each thing that is known not to work', () => {
    for (const { reason } of JSON.parse(read('test/compatibility/known.json'))) expect(page).toContain(reason)
  })
})
