import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { publint } from 'publint'
import { startRedis } from './redis/server.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const packages = ['koa', '@types/koa', '@types/node', 'typescript']
const optional = Object.keys(manifest.peerDependenciesMeta).filter(name => !packages.includes(name))
const entries = Object.keys(manifest.exports)
  .filter(path => path !== './package.json')
  .map(path => path.replace('.', manifest.name))

const folder = mkdtempSync(join(tmpdir(), 'koa-eventfeed-'))
const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`)
const project = join(folder, 'project')
const withOptional = join(folder, 'with-optional')
const needing = entries.flatMap(entry => {
  const needed = entry.includes('/plugins/redis')
    ? 'ioredis'
    : optional.find(name => entry.endsWith(`/plugins/${name}`))
  return needed === undefined ? [] : [{ entry, needed }]
})
const installed = join(project, 'node_modules', manifest.name)

beforeAll(async () => {
  await run(root, 'npm', 'pack', '--silent', '--pack-destination', folder)
  await install(project, packages)
  await install(withOptional, [...packages, ...optional])
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('what is packed', () => {
  test('is the built files, the manifest, the README and the licence, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(installed.length + 1))
    // What browsers load of the live view is shipped as it is.
    const pages = files.filter(file => file.startsWith('dist/src/dashboard/page/'))
    expect(pages.map(file => basename(file)).sort()).toEqual(readdirSync(join(root, 'src/dashboard/page')).sort())
    const built = files.filter(file => !pages.includes(file) && /^dist\/(src|plugins)\/.*\.(js|d\.ts)$/.test(file))
    const others = files.filter(file => !built.includes(file) && !pages.includes(file))
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
    expect(
      built
        .filter(file => file.endsWith('.js'))
        .map(file => file.replace(/\.js$/, '.d.ts'))
        .sort(),
    ).toEqual(built.filter(file => file.endsWith('.d.ts')).sort())
  })

  test('has nothing that publint would change', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false })
    expect(messages).toEqual([])
  })

  test('has types that every module resolution of Node finds', async () => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    // The ignored rule warns that `require` gets an ES module. Every Node that `engines` allows can do that,
    // and a test below does it.
    const options = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--no-color']
    await expect(run(folder, process.execPath, attw, tarball, ...options)).resolves.toContain(manifest.name)
  }, 60_000)
})

describe('in an empty project that installs it', () => {
  test.each([
    ['an ES module', 'consumer.mjs', 'modules'],
    ['a CommonJS module', 'consumer.cjs', 'require'],
  ])('%s serves a stream, reads it, and its process ends by itself', async (_, file, hello) => {
    const { type, text, taken } = JSON.parse(await run(project, process.execPath, file))
    expect(type).toMatch(/^text\/event-stream/)
    expect(text).toContain(`event: greeting\nid: 1\ndata: {"hello":"${hello}"}\n\n`)
    expect(JSON.parse(taken)).toEqual({ hello })
  })

  test.each(entries)('%s is loaded by import and by require, with the same names', async entry => {
    const script = `
      const required = require('${entry}')
      import('${entry}').then(imported => {
        for (const name of Object.keys(imported)) console.log(name, imported[name] === required[name])
      })`
    const where = needing.some(({ entry: other }) => other === entry) ? withOptional : project
    expect(await run(where, process.execPath, '--eval', script)).toMatch(/^(\w+ true\n)+$/)
  })

  test.each(needing)('$entry says that it needs $needed where that is not installed', async ({ entry, needed }) => {
    await expect(run(project, process.execPath, '--eval', `require('${entry}')`)).rejects.toThrow(
      `Cannot find package '${needed}'`,
    )
  })

  test('its Redis plugin carries a channel from one process to another', async () => {
    await using server = await startRedis()
    expect(await run(withOptional, process.execPath, 'redis.mjs', server.url)).toBe('hello from another process\n')
  })

  test('TypeScript compiles redis.ts and checks the declarations it gets, those of ioredis too', async () => {
    expect(await compile('redis.ts', withOptional)).toBe('')
  })

  test('TypeScript infers from the declarations it gets, and refuses, what test/types says', async () => {
    cpSync(fileURLToPath(new URL('types', import.meta.url)), join(withOptional, 'types'), { recursive: true })
    expect(await compile('types/index.ts', withOptional)).toBe('')
  })

  test.each(optional)('the main entry loads though %s is not there', async name => {
    const script = `
      import '${manifest.name}'
      import('${name}').catch(error => console.log(error.code))`
    expect(await run(project, process.execPath, '--input-type=module', '--eval', script)).toBe('ERR_MODULE_NOT_FOUND\n')
  })

  test.each(['usage.ts', 'usage.cts'])('TypeScript compiles %s and checks the declarations it gets', async file => {
    expect(await compile(file)).toBe('')
  })

  test('TypeScript refuses a wrong use', async () => {
    writeFileSync(
      join(project, 'misuse.ts'),
      `import { SseRouter } from 'koa-eventfeed'\nnew SseRouter().streamFunc('/clock', 'tick')\n`,
    )
    await expect(compile('misuse.ts')).rejects.toThrow(/^misuse\.ts\(2,38\): error TS2345/m)
  })
})

// Locked to this project's own versions: another package's new release must not break this test,
// and npm has all of them in its cache.
async function install(into: string, names: readonly string[]): Promise<void> {
  mkdirSync(into)
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const dependencies: Record<string, string> = { [manifest.name]: `file:${tarball}` }
  for (const name of names) dependencies[name] = manifest.devDependencies[name]
  const packages = { ...lock.packages, '': { dependencies } }
  writeFileSync(join(into, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  writeFileSync(join(into, 'package-lock.json'), JSON.stringify({ ...lock, packages }))
  await run(into, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund')
  cpSync(fileURLToPath(new URL('package', import.meta.url)), into, { recursive: true })
}

function compile(file: string, where = project): Promise<string> {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  }
  const config = `tsconfig.${basename(file)}.json`
  writeFileSync(join(where, config), JSON.stringify({ compilerOptions, files: [file] }))
  return run(where, process.execPath, 'node_modules/typescript/bin/tsc', '--project', config)
}

// Resolves with the standard output; a failure tells all that was printed.
function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, timeout: 100_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${error.message}\n${stdout}\n${stderr}`))
    })
  })
}
