import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from './environment.mjs'

/** A file of results: its first line says where they were measured, each other line is a run. */
export class Rows {
  #file

  /** Begins the file anew, or goes on with what is there. */
  constructor(folder, name, append) {
    this.#file = join(folder, name)
    mkdirSync(folder, { recursive: true })
    if (!append || !existsSync(this.#file)) writeFileSync(this.#file, `${JSON.stringify(environment())}\n`)
  }

  add(row) {
    appendFileSync(this.#file, `${JSON.stringify(rounded(row))}\n`)
  }

  read() {
    const lines = readFileSync(this.#file, 'utf8').trim().split('\n')
    const [where, ...rows] = lines.map(line => JSON.parse(line))
    return { where, rows }
  }
}

// Digits that mean nothing would only make the file long.
function rounded(row) {
  const short = value => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value)
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, short(value)]))
}
