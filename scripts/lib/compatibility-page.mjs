import { readFileSync } from 'node:fs'
import os from 'node:os'
import { countOf, provenTogether } from './claims.mjs'

const areas = {
  clients: ['Clients', 'Each reads the streams of the examples, or of its recipe in [clients.md](clients.md).'],
  proxies: ['Proxies', 'Each stands, as a process of its own, between a client and a server.'],
  middleware: [
    'Middleware',
    'Each stands in front of streams from a function, a generator, a shared generator and a channel.',
  ],
  platforms: ['Platforms', 'What runs the server, and what carries it.'],
}

/** The text of docs/compatibility.md. */
export function page(rows, known) {
  const names = [...new Set([...Object.keys(areas), ...rows.map(({ area }) => area)])]
  const sections = names.map(area =>
    section(
      area,
      rows.filter(row => row.area === area),
    ),
  )
  return `${[intro(), ...sections, limits(known, rows), unproven(rows)].filter(Boolean).join('\n\n')}\n`
}

function intro() {
  const { date, machine } = { date: new Date().toISOString().slice(0, 10), machine: `${system()}, ${os.arch()}` }
  return `# Compatibility

<!-- Written by \`npm run compatibility\`. Change the tests, not this file. -->

Everything here is the result of a test that ran the thing itself, on ${date}, with Node.js ${process.versions.node} on ${machine}. \`npm run compatibility\` runs these tests, which are in [test/compatibility](../test/compatibility), and writes this page. *Proven*, *failed* and *skipped* count claims; each claim is a test.`
}

function system() {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))[1]
  } catch {
    return `${os.type()} ${os.release()}`
  }
}

function section(area, rows) {
  if (rows.length === 0) return ''
  const [title, words] = areas[area] ?? [area, '']
  const proven = provenTogether(rows).map(group => claims(group, rows))
  return [`## ${title}`, words, table(rows), ...proven].filter(Boolean).join('\n\n')
}

function table(rows) {
  const lines = rows.map(({ what, version, file, claims: all }) => {
    const counts = ['passed', 'failed', 'skipped'].map(result => countOf(all, result) || '')
    return `| [${cell(what)}](../${file}) | ${cell(version)} | ${counts.join(' | ')} |`
  })
  return ['| what | version | proven | failed | skipped |', '|---|---|--:|--:|--:|', ...lines].join('\n')
}

function claims({ rows, names }, all) {
  return [
    `**${rows.length === all.length ? 'All of them' : labels(rows, all)}**`,
    names.map(name => `- ${text(name)}`).join('\n'),
  ].join('\n\n')
}

// Without versions, where the claim is proven for every version of it.
function labels(rows, all) {
  const isWhole = what => all.every(row => row.what !== what || rows.includes(row))
  return [...new Set(rows.map(({ what, title }) => (isWhole(what) ? what : title)))].map(text).join(' · ')
}

function limits(known, rows) {
  if (known.length === 0) return ''
  const lines = known.map(({ shown, claim, reason, instead }) => {
    return `| ${[labels(shown, rows), cell(claim), reason, instead].join(' | ')} |`
  })
  const head = ['| what | what happens | why | what to do |', '|---|---|---|---|']
  return `## What does not work\n\nAnd cannot be mended here. A test shows each.\n\n${[...head, ...lines].join('\n')}`
}

function unproven(rows) {
  const lines = rows.flatMap(({ title, claims: all }) => {
    if (countOf(all, 'skipped') === all.length) return `- ${text(title)}: all ${all.length} claims (skipped)`
    const rest = all.filter(({ result }) => result !== 'passed')
    return rest.map(({ name, result }) => `- ${text(title)}: ${text(name)} (${result})`)
  })
  return lines.length > 0 ? `## Failed and skipped\n\n${lines.join('\n')}` : ''
}

const text = words => words.replace(/[<>*_`]/g, '\\$&')
const cell = (words = '') => text(words).replaceAll('|', '\\|')
