import { dirname, relative } from 'node:path'
import { root } from './run.mjs'

export const folder = 'test/compatibility'

/**
 * What jest's JSON tells of the tests in test/compatibility: a row for each `describe('<what> <version>')` at the top of a file,
 * with a claim for each test in it.
 */
export function rowsOf({ testResults }) {
  return testResults
    .map(result => ({ ...result, file: relative(root, result.name).split('\\').join('/') }))
    .filter(({ file }) => file.startsWith(`${folder}/`) && dirname(file) !== folder)
    .sort((a, b) => (a.file < b.file ? -1 : 1))
    .flatMap(rowsOfFile)
}

// A file that could not be loaded has no tests, and must not look as if it had nothing to prove.
function rowsOfFile({ file, status, assertionResults }) {
  const broken = status === 'failed' && assertionResults.length === 0
  const claims = broken
    ? [{ title: file, name: 'its tests could not be run', result: 'failed' }]
    : assertionResults.map(claimOf)
  return [...grouped(claims)].map(([title, own]) => {
    return { area: file.split('/')[2], file, ...partsOf(title), title, claims: own }
  })
}

// Node 20 has no Map.groupBy.
function grouped(claims) {
  const groups = new Map()
  for (const claim of claims) groups.set(claim.title, [...(groups.get(claim.title) ?? []), claim])
  return groups
}

function claimOf({ ancestorTitles: [title, ...between], title: last, status, failing }) {
  const known = { passed: failing ? 'failed' : 'passed', failed: 'failed' }
  return { title: title ?? last, name: [...between, last].join(': '), result: known[status] ?? 'skipped' }
}

/** "koa-session 7.0.2 on Koa 3.3.0" is koa-session, and of that 7.0.2 on Koa 3.3.0. */
export function partsOf(title) {
  const [, what = title, version = ''] = /^(.*?) ((?:v?\d|missing\b|\(not).*)$/.exec(title) ?? []
  return { what, version }
}

export const countOf = (claims, wanted) => claims.filter(({ result }) => result === wanted).length

/** Claims that are proven, with the rows that they are proven for: those of the same rows together. */
export function provenTogether(rows) {
  const titles = new Map()
  for (const { title, claims } of rows) {
    for (const { name, result } of claims) {
      if (result === 'passed') titles.set(name, [...(titles.get(name) ?? []), title])
    }
  }
  const groups = new Map()
  for (const [name, ofRows] of titles) {
    const key = JSON.stringify(ofRows)
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  return [...groups].map(([key, names]) => ({
    rows: rows.filter(({ title }) => JSON.parse(key).includes(title)),
    names,
  }))
}
