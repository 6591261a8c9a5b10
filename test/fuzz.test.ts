import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const PROGRAM = fileURLToPath(new URL('../scripts/fuzz.mjs', import.meta.url))

/** A seed that is always tried, and one more of who looks for others. */
const SEEDS = ['1', process.env.FUZZ_SEED].filter(seed => seed)

test.each(SEEDS)(
  'of 5,000 odd requests, bodies, events and Redis payloads none is a crash, a 500 or a leak, with the seed %s',
  async seed => {
    const { code, text } = await fuzz(['--inputs', '5000', '--seed', String(seed)])
    expect(text).toMatch(/lines, .* headers, .* bodies, .* fields, .* redis: nothing found/)
    expect(code).toBe(0)
  },
  60_000,
)

function fuzz(args: readonly string[]): Promise<{ code: unknown; text: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [PROGRAM, ...args], (error, out, err) => {
      resolve({ code: error ? error.code : 0, text: `${out}${err}` })
    })
  })
}
