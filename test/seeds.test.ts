import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

/** What those who come from another system find here as they had it. The tests of each have its number in their names. */
const rows = {
  A1: 'a generator that counts',
  A2: 'its methods',
  A3: 'a value that is polled',
  A4: 'a value that is spoilt',
  A5: 'a publish endpoint',
  A6: 'what it refuses',
  A7: 'publishers in other processes, and a Redis that is away',
  A8: 'confirmations of Redis',
  A9: 'a subscriber that leaves',
  A10: 'pages of other origins',
  B1: 'the message of Flask-SSE',
  B2: 'its quickstart',
  B3: 'its channels',
  B4: 'its format in Redis',
  B5: 'what is no message',
  B6: 'its configuration',
  B7: 'its guards',
  B8: 'its connections to Redis',
  C1: 'an announcer',
  C2: 'format_sse',
  C3: 'a burst',
  C4: 'a client that stops reading',
  C5: 'listeners that leave',
  D1: 'a login',
  D2: 'a chat with a session',
  D3: 'text that would be something else',
  E1: 'a clock',
  F1: 'a function with a limit',
  F2: 'iterables',
  F3: 'a source that throws',
  F4: 'a stream that ends',
  F5: 'a channel of two subscribers',
  F6: 'a subscription with a limit',
  F7: 'publishing',
  F8: 'what a client accepts',
  F9: 'a feed of the time',
  F10: 'a feed of progress',
  F11: 'a job that is watched',
  F12: 'channels that were left',
  S1: 'signals',
  N1: 'nginx as it is',
  N2: 'nginx with a time limit and with compression',
  K1: 'a client that leaves',
  H1: 'clients of others',
}

const folder = fileURLToPath(new URL('.', import.meta.url))
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => /\.test\.ts$/.test(file))
const named = files.flatMap(file => [
  ...readFileSync(`${folder}${file}`, 'utf8').matchAll(/['"`]((?:[A-Z]\d+(?:, )?)+): /g),
])
const numbers = new Set(named.flatMap(([, list = '']) => list.split(', ')))

test.each(Object.entries(rows))('%s, %s, is named by a test', row => {
  expect([...numbers]).toContain(row)
})

test('no test names a number that there is not', () => {
  expect([...numbers].filter(number => !(number in rows))).toEqual([])
})
