import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Stage } from './stage.js'
import type { Transcript } from './transcript.js'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start({ plugin: { verify: 200 } })
})
afterAll(() => stage[Symbol.asyncDispose]())

/** How many resets the clients were told, each count once. */
const counts = (transcripts: readonly Transcript[]) => [
  ...new Set(transcripts.map(({ records }) => records.filter(({ type }) => type === 'reset').length)),
]

const reasons = (resets: readonly { reason: string }[]) => [...new Set(resets.map(({ reason }) => reason))].sort()

describe('FLUSHALL is told to each client once', () => {
  test('when nobody publishes any more, and whoever comes back from before it', async () => {
    const show = await stage.show(150, 10)
    await Promise.all(show.channels.map(channel => show.publish(channel)))
    await stage.redis.redis.flushall()
    await show.reset(1)
    const { problems, resets, needless, transcripts } = await show.end()
    expect({ problems, needless, counts: counts(transcripts) }).toEqual({ problems: [], needless: [], counts: [1] })
    expect(['absent', 'epoch']).toEqual(expect.arrayContaining(reasons(resets)))
  })

  test('in mid-stream, again and again', async () => {
    const show = await stage.show(150, 10)
    await show.publishing(500, async () => {
      for (let round = 1; round <= 3; round++) {
        await show.progress(100)
        await stage.redis.redis.flushall()
        await show.reset(round)
      }
    })
    const { problems, needless, transcripts } = await show.end()
    expect({ problems, needless, counts: counts(transcripts) }).toEqual({ problems: [], needless: [], counts: [3] })
  })

  test('while all come back, to any of the servers', async () => {
    const show = await stage.show(200, 10)
    await show.publishing(300, async () => {
      for (let round = 1; round <= 3; round++) {
        await show.progress(60)
        await Promise.all([show.reconnect(), stage.redis.redis.flushall()])
        await show.reset(round)
      }
    })
    const { problems, needless, transcripts } = await show.end()
    expect({ problems, needless, counts: counts(transcripts) }).toEqual({ problems: [], needless: [], counts: [3] })
  })

  test('when the new offset has come to the old one before anybody looks', async () => {
    const show = await stage.show(100, 1)
    for (let n = 0; n < 5; n++) await show.publish()
    for (const proxy of stage.proxies) proxy.onMessage = () => 'drop'
    await show.reconnect(0.5, 400)
    await stage.redis.redis.flushall()
    for (let n = 0; n < 5; n++) await show.publish()
    for (const proxy of stage.proxies) proxy.onMessage = undefined
    await show.publish() // by its offset it follows
    const { problems, needless, transcripts } = await show.end()
    expect({ problems, needless, counts: counts(transcripts) }).toEqual({ problems: [], needless: [], counts: [1] })
  })
})
