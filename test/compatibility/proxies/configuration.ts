import { readFileSync } from 'node:fs'

const docs = new URL('../../../docs/', import.meta.url)

/** A file of docs/deployment/, as it is. */
export const shown = (name: string): string => readFileSync(new URL(`deployment/${name}`, docs), 'utf8')

/** Whether docs/deployment.md shows a file in full, below its name. */
export function isShown(name: string): boolean {
  const page = readFileSync(new URL('deployment.md', docs), 'utf8')
  const [link, block] = [`[${name}](deployment/${name})`, `\`\`\`\\w+\n${escaped(shown(name))}\`\`\`\n`]
  return new RegExp(`${escaped(link)}[^\n]*\n\n${block}`).test(page)
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/**
 * A file of docs/deployment/ with this machine's addresses, paths and shorter timeouts in the place of those that it has.
 * @throws {Error} where a text to be replaced is not in it: the test would run something else than it says.
 */
export function adapted(name: string, changes: Record<string, string>): string {
  const text = shown(name)
  const absent = Object.keys(changes).find(from => !text.includes(from))
  if (absent !== undefined) throw new Error(`${name} has no ${JSON.stringify(absent)}`)
  // All at once: a port that has been put in may begin with the digits of another that is to be replaced.
  return text.replace(new RegExp(Object.keys(changes).map(escaped).join('|'), 'g'), from => changes[from] as string)
}
