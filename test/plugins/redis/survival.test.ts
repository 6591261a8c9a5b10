import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { type RedisProxy, startProxy } from '../../redis/proxy.js'
import { type RedisServer, startRedis } from '../../redis/server.js'

let folder: string
let program: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'survivor-'))
  program = join(folder, 'survivor.cjs')
  const entry = fileURLToPath(new URL('survivor.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  })
})
afterAll(() => rm(folder, { recursive: true }))

interface Line {
  tick?: number
  told?: string
  shown?: string
}

/** A process of its own that publishes and follows channels over both plugins, without anything that would hide a rejection. */
async function survivor(url: string) {
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', program, url], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    errors += chunk
  })
  const reader = createInterface({ input: child.stdout })
  const exited = once(child, 'exit')
  reader.on('line', line => lines.push(JSON.parse(line)))
  /** Resolves once it has received what it published after now, by both plugins. */
  const works = async (after: string) => {
    const since = lines.findLast(({ tick }) => tick)?.tick ?? 0
    while (!lines.some(({ tick = 0 }) => tick > since + 1)) {
      await Promise.race([
        once(reader, 'line'),
        exited.then(([code]) => Promise.reject(new Error(`After ${after} it exited with ${code}: ${errors}`))),
      ])
    }
  }
  const end = async () => {
    child.stdin.end()
    const [code] = await exited
    return { code, errors, lines }
  }
  return { works, end }
}

const faults: [string, (server: RedisServer, proxy: RedisProxy) => Promise<unknown>][] = [
  ['connections that break off', async (_, proxy) => proxy.cut()],
  [
    'a server that is killed',
    async server => {
      await server.kill()
      await setTimeout(300)
      await server.start()
      await server.redis.acl('SETUSER', 'feed', 'on', '>secret', '~*', '&*', '+@all')
    },
  ],
  [
    'a user who is taken all rights',
    async ({ redis }) => {
      await redis.acl('SETUSER', 'feed', 'resetchannels', 'resetkeys', '-@all', '+info')
      await setTimeout(300)
      await redis.acl('SETUSER', 'feed', '~*', '&*', '+@all')
    },
  ],
  [
    'a user who is removed',
    async ({ redis }) => {
      await redis.acl('DELUSER', 'feed')
      await setTimeout(300)
      await redis.acl('SETUSER', 'feed', 'on', '>secret', '~*', '&*', '+@all')
    },
  ],
  [
    'a server that is frozen',
    async server => {
      server.freeze()
      await setTimeout(1_000)
      server.thaw()
    },
  ],
  [
    'a network that lets nothing through',
    async (_, proxy) => {
      proxy.stall(true)
      proxy.refuse(true)
      await setTimeout(700)
      proxy.refuse(false)
    },
  ],
  [
    'no memory',
    async ({ redis }) => {
      await redis.config('SET', 'maxmemory', 1)
      await setTimeout(300)
      await redis.config('SET', 'maxmemory', 0)
    },
  ],
  ['scripts and data that are gone', async ({ redis }) => [await redis.script('FLUSH'), await redis.flushall()]],
  [
    'keys of another type',
    async ({ redis }) => [await redis.set('eventfeed:{news}:meta', 'x'), await redis.flushall()],
  ],
]

test('a process outlives every fault of Redis, works again, and shows neither passwords nor events', async () => {
  await using server = await startRedis()
  await using proxy = await startProxy(server.port)
  await server.redis.acl('SETUSER', 'feed', 'on', '>secret', '~*', '&*', '+@all')
  const child = await survivor(`redis://feed:secret@127.0.0.1:${proxy.port}`)
  await child.works('its start')
  for (const [name, fault] of faults) {
    await fault(server, proxy)
    await child.works(name)
  }
  const { code, errors, lines } = await child.end()
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  const told = new Set(lines.flatMap(line => line.told ?? []))
  expect([...told]).toEqual(expect.arrayContaining(['ERR_SSE_UNREACHABLE', 'ERR_SSE_CREDENTIALS', 'ERR_SSE_FORBIDDEN']))
  const shown = lines.map(line => line.shown ?? '').join('\n')
  expect(shown).toContain('ERR_SSE_UNREACHABLE')
  expect(shown).not.toMatch(/secret|private data/)
}, 40_000)
