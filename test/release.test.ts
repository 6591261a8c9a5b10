import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'koa-eventfeed-release-'))
const output = join(folder, 'output')
const workflows = join(root, '.github/workflows')

const MANIFEST = {
  name: 'koa-eventfeed',
  version: '1.2.3',
  repository: { type: 'git', url: 'git+https://github.com/someone/koa-eventfeed.git' },
}
const ON_GITHUB = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'someone/koa-eventfeed',
  GITHUB_REF_TYPE: 'tag',
  GITHUB_REF_NAME: 'v1.2.3',
}

interface Change {
  manifest?: object
  env?: object
  lock?: string
  changelog?: string
}

/** Runs the check as the workflow does, on a package that can be released but for the change. */
function check({ manifest, env, lock = '1.2.3', changelog = '# Changelog\n\n## 1.2.3 - 2030-01-31\n' }: Change = {}) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...MANIFEST, ...manifest }))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': { version: lock } } }))
  writeFileSync(join(folder, 'CHANGELOG.md'), changelog)
  writeFileSync(output, '')
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/release-check.mjs')], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...ON_GITHUB, GITHUB_OUTPUT: output, ...env },
  })
  return { status, stderr, output: readFileSync(output, 'utf8') }
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('before a release is published, the workflow', () => {
  test('lets pass what is complete, as the latest version', () => {
    expect(check()).toEqual({ status: 0, stderr: '', output: 'tag=latest\n' })
  })

  test('lets a version before one pass, but nobody gets that without asking for it', () => {
    const version = '2.0.0-rc.1'
    const env = { GITHUB_REF_NAME: `v${version}` }
    const released = check({ manifest: { version }, env, lock: version, changelog: `## ${version}\n` })
    expect(released).toEqual({ status: 0, stderr: '', output: 'tag=next\n' })
  })

  test.each<[string, Change, string]>([
    ['a manifest without repository', { manifest: { repository: undefined } }, 'package.json has no repository.url'],
    ['another repository', { env: { GITHUB_REPOSITORY: 'fork/koa-eventfeed' } }, 'github.com/fork/koa-eventfeed.git"'],
    ['a tag of another version', { env: { GITHUB_REF_NAME: 'v1.2.4' } }, 'the tag must be v1.2.3, not v1.2.4'],
    ['a branch', { env: { GITHUB_REF_TYPE: 'branch' } }, 'the tag must be v1.2.3'],
    ['a lock file of another version', { lock: '1.2.2' }, 'package-lock.json has version 1.2.2'],
    ['a changelog that does not know it', { changelog: '## Unreleased\n\n## 1.2.30\n' }, 'no heading "## 1.2.3"'],
  ])('refuses %s, and says what to do', (_, change, message) => {
    const { status, stderr, output } = check(change)
    expect([status, output]).toEqual([1, ''])
    expect(stderr).toContain(message)
    expect(stderr.match(/^- /gm)).toHaveLength(1)
  })
})

describe('the workflows', () => {
  test.each(readdirSync(workflows))('%s runs what is there, may read only, and takes actions of one major', file => {
    const text = readFileSync(join(workflows, file), 'utf8')
    for (const [, path = ''] of text.matchAll(/run: node (\S+)/g)) expect(existsSync(join(root, path))).toBe(true)
    for (const [, action] of text.matchAll(/uses: (.+)/g))
      expect(action).toMatch(/^[\w-]+\/[\w-]+@(v\d+|[0-9a-f]{40})$/)
    const writes = text.match(/^ +[\w-]+: write$/gm) ?? []
    expect(writes.map(line => line.trim())).toEqual(file === 'publish.yml' ? ['id-token: write'] : [])
    expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)$/m)
  })
})

test('docs/releasing.md names the versions that package.json asks for', () => {
  const text = readFileSync(join(root, 'docs/releasing.md'), 'utf8')
  const { engines, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const [name, range] of Object.entries({ ...engines, ...peerDependencies })) {
    expect(text).toContain(`\`${name}\` \`${range}\``)
  }
})
