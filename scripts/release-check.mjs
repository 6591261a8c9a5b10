import { appendFileSync, readFileSync } from 'node:fs'
import { Failure, main } from './lib/run.mjs'

// Run by the workflow that publishes, in the folder of the package, before npm has a part in it: what is wrong is said at once and
// all together, and nothing is on the registry. Hands the workflow the dist-tag to publish with.
main(async () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  const faults = [ofRepository(manifest), ofTag(manifest), ofLock(manifest), ofChangelog(manifest)].filter(Boolean)
  if (faults.length > 0) throw new Failure(`This cannot be released:\n- ${faults.join('\n- ')}\nSee docs/releasing.md.`)
  const tag = manifest.version.includes('-') ? 'next' : 'latest'
  console.log(`${manifest.name} ${manifest.version} can be released, as ${tag}.`)
  if (process.env.GITHUB_OUTPUT) appendFileSync(process.env.GITHUB_OUTPUT, `tag=${tag}\n`)
})

// The registry refuses a provenance that names another repository than package.json.
function ofRepository({ repository }) {
  const { GITHUB_SERVER_URL: server = 'https://github.com', GITHUB_REPOSITORY: name } = process.env
  const wanted = `git+${server}/${name ?? 'owner/name'}.git`
  const write = `write "repository": { "type": "git", "url": "${wanted}" } into it`
  if (!repository?.url) return `package.json has no repository.url: ${write}.`
  if (name && repository.url !== wanted) return `package.json's repository.url is ${repository.url}: ${write}.`
  return undefined
}

function ofTag({ version }) {
  const { GITHUB_REF_TYPE: type, GITHUB_REF_NAME: name } = process.env
  if (type === 'tag' && name === `v${version}`) return undefined
  return `package.json has version ${version}, so the tag must be v${version}, not ${name ?? 'none'}.`
}

function ofLock({ version }) {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const locked = packages[''].version
  return locked === version ? undefined : `package-lock.json has version ${locked}: run "npm install".`
}

function ofChangelog({ version }) {
  const headings = readFileSync('CHANGELOG.md', 'utf8').match(/^## .*/gm) ?? []
  const isOfVersion = heading => heading.slice(3).split(' ')[0] === version
  return headings.some(isOfVersion) ? undefined : `CHANGELOG.md has no heading "## ${version}".`
}
