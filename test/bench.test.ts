import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'

const bench = fileURLToPath(new URL('../bench', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bench-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Row {
  workload: string
  server: string
  events: number
  errors: number
  error?: string
  cpu: number
  seconds?: number
}

// A server that sends messages in a way of its own. It knows no more than any other of the benchmark's.
const server = join(folder, 'own.mjs')
writeFileSync(
  server,
  `import http from 'node:http'
  import { ready } from '${new URL('../bench/servers/kit.mjs', import.meta.url)}'

  const ways = {
    'in pieces': (res, text) => text.match(/.{1,7}/gs).forEach(piece => res.write(piece)),
    'with CR LF': (res, text) => res.write(text.replaceAll('\\n', '\\r\\n')),
    'with one lost': (res, text, seq) => seq !== 2 && res.write(text),
    'with one twice': (res, text, seq) => res.write(seq === 2 ? text + text : text),
    'with two swapped': (res, text, seq) => seq === 2 ? (res.kept = text) : res.write(seq === 3 ? text + res.kept : text),
    'with a wrong length': (res, text, seq) => seq === 2 ? res.socket.write('3\\r\\ntoo long\\r\\n') : res.write(text),
    'to its end': (res, text, seq) => seq === 2 ? res.end() : res.writableEnded || res.write(text),
  }
  const send = ways[process.env.WAY]
  const clients = new Set()
  const server = http.createServer((req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    clients.add(res)
  })
  server.listen(0, '127.0.0.1', () => ready(server.address().port, message => {
    for (const res of clients) send(res, 'id: ' + message.seq + '\\ndata: ' + JSON.stringify(message) + '\\n\\n', message.seq)
  }))`,
)

describe('npm run bench', () => {
  test('measures each workload on each server, and writes rows, tables and a plot', async () => {
    const out = join(folder, 'short')
    const args = ['--short', '--rounds', '1', '--servers', 'koa-eventfeed,node-http', '--out', out]
    const { code } = await run('run.mjs', args)
    expect(code).toBe(0)
    const { environment, rows } = results(out)
    expect(environment).toMatchObject({ node: process.versions.node, packages: { koa: expect.any(String) } })
    expect(rows.map(({ workload, server }) => `${workload} ${server}`).sort()).toEqual(
      WORKLOADS.flatMap(workload => [`${workload} koa-eventfeed`, `${workload} node-http`]).sort(),
    )
    expect(rows.filter(({ errors, error }) => errors !== 0 || error !== undefined)).toEqual([])
    // What was to come has come: 20 clients, each with the whole of its generator, or of the burst.
    expect(eventsIn('W3-gen', rows)).toEqual([4_000, 4_000])
    expect(eventsIn('W6-burst', rows)).toEqual([4_000, 4_000])
    const table = readFileSync(join(out, 'peers.md'), 'utf8')
    for (const workload of WORKLOADS) expect(table).toContain(`| ${workload} |`)
    expect(readFileSync(join(out, 'peers.svg'), 'utf8')).toMatch(/^<svg .*koa-eventfeed.*<\/svg>\n$/s)
  }, 60_000)

  test.each(['in pieces', 'with CR LF'])('reads messages that are sent %s', async way => {
    const { code, rows } = await send(way)
    expect(rows).toMatchObject([{ server: 'own', errors: 0 }])
    expect(rows[0]?.events).toBeGreaterThan(20 * 3)
    expect(code).toBe(0)
  })

  test.each([
    ['with one lost', 20],
    ['with one twice', 20],
    ['with two swapped', 40],
    ['with a wrong length', 40], // and the client breaks the connection off,
    ['to its end', 20],
  ])('counts and tells it when messages are sent %s', async (way, errors) => {
    const { code, rows } = await send(way)
    expect(rows).toMatchObject([{ server: 'own', errors }])
    expect(code).toBe(1)
  })

  test('says which servers and workloads there are', async () => {
    expect((await run('run.mjs', ['--servers', 'better'])).err).toContain('There is no server better: it is')
    expect((await run('run.mjs', ['--workloads', 'W9', '--servers', 'node-http'])).err).toContain(
      'There is no workload W9',
    )
  })
})

test('bench/scale.mjs measures clients that come back to logs of different lengths', async () => {
  const out = join(folder, 'scale')
  const { code } = await run('scale.mjs', ['--short', '--rounds', '1', '--series', 'history', '--out', out])
  expect(code).toBe(0)
  expect(readFileSync(join(out, 'scale.md'), 'utf8')).toMatch(/\| 100 \| [\d.,]+ \|\n\| 1,000 \| [\d.,]+ \|\n/)
})

test('npm run bench:micro prints what encoder, log and joining cost', async () => {
  const { code, out } = await run('micro.mjs', ['1'])
  expect(out).toMatch(/\| join 10 events back, in a log of 10000 \| [\d,]+ \|/)
  expect(code).toBe(0)
})

const WORKLOADS = [
  ...['W1-1k-b1', 'W1-1k-b10', 'W2-1k-10hz', 'W2-1k-100hz', 'W3-gen'],
  ...['W4-idle10k', 'W5-churn', 'W6-burst', 'W7-slow', 'W8-1k-2000hz'],
]

const eventsIn = (name: string, rows: Row[]) =>
  rows.filter(({ workload }) => workload === name).map(({ events }) => events)

async function send(way: string) {
  const out = join(folder, way)
  const args = ['--short', '--rounds', '1', '--workloads', 'W2-1k-100hz', '--servers', server, '--out', out]
  const { code } = await run('run.mjs', args, { WAY: way })
  return { code, rows: results(out).rows }
}

function results(out: string) {
  const [first = '', ...lines] = readFileSync(join(out, 'peers.jsonl'), 'utf8').trim().split('\n')
  return { environment: JSON.parse(first), rows: lines.map(line => JSON.parse(line) as Row) }
}

// Resolves with how it ended and what it printed.
function run(file: string, args: string[], env = {}): Promise<{ code: number; out: string; err: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [join(bench, file), ...args], { env: { ...process.env, ...env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}
