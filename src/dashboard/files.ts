import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Context } from 'koa'

const folder = new URL('page/', import.meta.url)
const TYPES = /\.(html|css|js|svg)$/

let known: ReadonlyMap<string, string> | undefined

/** The texts of the page's files by their names. They are read once, when a page is first asked for. */
export function pageFiles(): ReadonlyMap<string, string> {
  known ??= new Map(
    readdirSync(folder)
      .filter(name => TYPES.test(name))
      .map(name => [name, readFileSync(new URL(name, folder), 'utf8')]),
  )
  return known
}

/** Answers with a file of the page. A name is only ever looked up, so none leads to any other file. */
export function sendFile(ctx: Context, name: string): void {
  ctx.type = extname(name)
  ctx.body = pageFiles().get(name)
}
