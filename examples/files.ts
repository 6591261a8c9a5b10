import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Middleware } from 'koa'
import { examples } from './list.js'

// The sources and the page are not compiled, so they are found from the package's root, built or not.
const folder = new URL('examples/', import.meta.resolve('koa-eventfeed/package.json'))
const site = new URL('site/', folder)

/**
 * Serves the page and the examples' sources. The files are listed once at the start and a URL is only ever looked up
 * in that list, so no URL can name any other file. They are read anew on each request: a reload shows an edit.
 */
export function files(): Middleware {
  const known = new Map([...siteFiles(), ...sources()])
  return async (ctx, next) => {
    const file = known.get(ctx.path)
    if (file === undefined || !['GET', 'HEAD'].includes(ctx.method)) return next()
    ctx.body = await readFile(file, 'utf8')
    // To MIME, .ts is a video.
    ctx.type = ctx.path.endsWith('.ts') ? 'text' : extname(file.pathname)
    ctx.set('Cache-Control', 'no-cache')
  }
}

function* siteFiles(): Generator<[path: string, file: URL]> {
  for (const entry of readdirSync(site, { recursive: true, encoding: 'utf8' })) {
    const path = entry.replaceAll('\\', '/')
    if (/\.(html|css|js|svg)$/.test(path)) yield [path === 'index.html' ? '/' : `/${path}`, new URL(path, site)]
  }
}

function* sources(): Generator<[path: string, file: URL]> {
  for (const name of ['plugin', ...examples.map(({ name }) => name)])
    yield [`/source/${name}.ts`, new URL(`${name}.ts`, folder)]
}
