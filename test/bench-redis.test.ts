import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from '@jest/globals'

const script = fileURLToPath(new URL('../bench/redis.mjs', import.meta.url))
const run = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args], { timeout: 60_000 })

describe('the short form of the benchmark over Redis', () => {
  let output = ''

  beforeAll(async () => {
    output = (await run('--short', 'publish', 'processes', 'connections', 'cores')).stdout
  }, 60_000)

  // It ends with an error where a message was lost, doubled or overtaken.
  test('ends well, with a figure in every cell that is to have one', () => {
    const cells = tablesOf(output).flatMap(({ rows }) => rows.flatMap(row => Object.values(row)))
    expect(cells.length).toBeGreaterThan(150)
    expect(cells.filter(cell => /NaN|undefined|Infinity/.test(cell))).toEqual([])
  })

  test('shows that the clients of a process share two connections and one subscription', () => {
    expect(connectionsOf('koa-eventfeed')).toEqual([['20', '2', '1']])
  })

  test("shows that Flask-SSE's way takes a connection and a subscription for each client", () => {
    expect(connectionsOf("Flask-SSE's way")).toEqual([['20', '20', '20']])
  })

  test('shows one server, two, and node:cluster with the same clients at each pace', () => {
    const sets = tablesOf(output).filter(({ title }) => title.startsWith('20 clients of one channel in all'))
    expect(sets.map(({ rows }) => rows.map(row => row.servers))).toEqual(
      Array(4).fill(['1 process', '2 processes', 'node:cluster, 2 workers']),
    )
  })

  const connectionsOf = (way: string) =>
    tablesOf(output)
      .flatMap(({ rows }) => rows)
      .filter(row => row.way === way && row.clients !== undefined)
      .map(row => [row.clients, row['connections to Redis'], row['SUBSCRIBE in Redis']])
})

test('a part that does not exist is refused with the names of those that do', async () => {
  await expect(run('connection')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no mode connection: .*\bconnections\b/),
  })
})

type Row = Record<string, string>

/** The tables that were printed, each under its title. */
function tablesOf(text: string): { title: string; rows: Row[] }[] {
  return [...text.matchAll(/^(\S.*)\n\n((?:\|.*\n)+)/gm)].map(([, title = '', lines = '']) => {
    const [names = [], , ...rows] = lines.trim().split('\n').map(cellsOf)
    return { title, rows: rows.map(row => Object.fromEntries(names.map((name, n) => [name, row[n] ?? '']))) }
  })
}

const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())
