import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from '@jest/globals'
import { build, stop } from 'esbuild'

/**
 * Most bytes of each entry, bundled, minified and compressed, without the packages that it imports: about 15 % above what it has.
 * Who needs more writes it here, and says in the commit what for.
 */
const BUDGETS: Readonly<Record<string, number>> = {
  '.': 32_500,
  './plugins/jose': 2_700,
  './plugins/mitt': 2_600,
  './plugins/prom-client': 3_300,
  './plugins/redis': 13_000,
  './plugins/redis-pubsub': 8_300,
  './testing': 12_000,
}

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const installed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
const optional = Object.keys(manifest.peerDependenciesMeta)
const entries = Object.entries<{ default?: string }>(manifest.exports).flatMap(([path, { default: file }]) =>
  file === undefined ? [] : [{ path, file }],
)

afterAll(() => stop())

describe('an entry, as it is built', () => {
  test('has a budget of bytes, and each budget is that of an entry', () => {
    expect(Object.keys(BUDGETS).sort()).toEqual(entries.map(({ path }) => path).sort())
  })

  test.each(entries)('$path is within its budget, and imports only what is there', async ({ path, file }) => {
    const { size, imports } = await bundled(file)
    const packages = imports.filter(name => !isBuiltin(name)).map(packageOf)
    const isPlugin = path.startsWith('./plugins/')
    expect(packages.filter(name => !installed.includes(name) || (optional.includes(name) && !isPlugin))).toEqual([])
    expect(size).toBeLessThanOrEqual(BUDGETS[path] ?? 0)
    // A budget far above it would let it grow unseen.
    expect(size).toBeGreaterThan((BUDGETS[path] ?? 0) / 2)
  })
})

async function bundled(file: string): Promise<{ size: number; imports: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [`${root}${file}`],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    metafile: true,
    write: false,
  })
  const [code] = outputFiles
  const [output] = Object.values(metafile.outputs)
  return { size: gzipSync(code?.contents ?? '').length, imports: output?.imports.map(({ path }) => path) ?? [] }
}

/** `@koa/router/a.js` is of `@koa/router`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}
