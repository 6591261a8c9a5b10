import assert from 'node:assert/strict'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { isPassing } from '../errors.js'
import type { Plugin } from '../plugin.js'
import type { Position } from '../position.js'
import { assertHealthy } from './contract-readiness.js'
import { dataOf, numbers } from './contract-samples.js'
import type { Carrier, Cases, Stage } from './contract-stage.js'

/** For plugins over a server that can be cut off from it. */
export const interruption: Cases = {
  async 'a subscription that was interrupted delivers again, and tells it by lost'(stage) {
    const reader = await stage.plugin()
    const inbox = await stage.subscribe(reader)
    await stage.interrupt()
    // One that was not interrupted can publish sooner than the other has subscribed again.
    const writer = await stage.peer(reader)
    await worksAgain(stage, writer)
    await inbox.untilLost()
    await stage.publish(writer, numbers(20))
    await inbox.until('20')
    assert.deepEqual(
      inbox.data.filter(data => data !== PROBE),
      numbers(20),
    )
  },

  async 'publish and subscribe work again after an interruption'(stage) {
    const plugin = await stage.plugin()
    await stage.publish(plugin, ['before'])
    await stage.interrupt()
    await worksAgain(stage, plugin)
    const inbox = await stage.retry(() => stage.subscribe(plugin), isPassing)
    await stage.publish(plugin, ['after'])
    await inbox.until('after')
  },

  async 'watch tells an interruption once at most, where the plugin has it'(stage) {
    const plugin = await stage.plugin()
    if (!plugin.watch) return
    const told: unknown[] = []
    plugin.watch(error => told.push(error))
    const channels = numbers(10).map(number => `${stage.channel}-${number}`)
    const inboxes = await Promise.all(channels.map(channel => stage.subscribe(plugin, channel)))
    const interrupted = stage.interrupt()
    await Promise.allSettled(numbers(20).map(data => plugin.publish(stage.channel, { data })))
    await interrupted
    await Promise.all(inboxes.map(inbox => inbox.untilLost()))
    await worksAgain(stage, plugin)
    await stage.settled()
    assert.ok(told.length <= 1, `it was told ${told.length} times: ${told.slice(0, 3).join('; ')}`)
  },

  async 'health is good again after an interruption, where the plugin has it'(stage) {
    const plugin = await stage.plugin()
    if (!plugin.health) return
    const inbox = await stage.subscribe(plugin)
    await stage.interrupt()
    await worksAgain(stage, plugin)
    await inbox.untilLost()
    await stage.retry(async () => assertHealthy(plugin), isAssertion)
  },

  async 'an event that is published while the connection is broken is delivered once, or not at all if it is rejected'(
    stage,
  ) {
    const writer = await stage.plugin()
    const reader = await stage.peer(writer)
    const inbox = await stage.subscribe(reader)
    const outcomes = await publishThrough(stage, writer)
    await inbox.untilLost()
    await worksAgain(stage, writer)
    await stage.publish(writer, ['end'])
    await inbox.until('end')
    for (const [data, outcome] of outcomes) {
      const count = inbox.data.filter(got => got === data).length
      const most = outcome === PUBLISHED || outcome === UNCERTAIN ? 1 : 0
      assert.ok(count <= most, `an event that was ${outcome} was delivered ${count} times`)
    }
  },
}

/** The same, where there is a history to compare with. */
export const interruptionHistory: Cases<Plugin> = {
  async 'an event that is published while the connection is broken is kept once, or not at all if it is rejected'(
    stage,
  ) {
    const plugin = await stage.plugin()
    const [start] = await stage.publish(plugin, ['start'])
    const outcomes = await publishThrough(stage, plugin)
    await worksAgain(stage, plugin)
    const kept = await keptAfter(stage, plugin, start)
    for (const [data, outcome] of outcomes) {
      const count = kept.filter(got => got === data).length
      const isRight = outcome === UNCERTAIN ? count <= 1 : count === (outcome === PUBLISHED ? 1 : 0)
      assert.ok(isRight, `an event that was ${outcome} is kept ${count} times`)
    }
  },

  async 'what is published until lost is called is found by read'(stage) {
    const reader = await stage.plugin()
    const [start] = await stage.publish(reader, ['start'])
    const inbox = await stage.subscribe(reader)
    await stage.interrupt()
    const writer = await stage.peer(reader)
    await worksAgain(stage, writer)
    await stage.publish(writer, numbers(5))
    await inbox.untilLost()
    const kept = await keptAfter(stage, reader, start)
    assert.deepEqual(
      kept.filter(data => data !== PROBE),
      numbers(5),
    )
  },
}

const PROBE = 'probe'
const PUBLISHED = 'published'
const UNCERTAIN = 'ERR_SSE_UNCERTAIN'

const codeOf = (error: unknown) => String((error as { code?: unknown }).code ?? error)
const isUncertain = (error: unknown) => codeOf(error) === UNCERTAIN
const isAssertion = (error: unknown) => codeOf(error) === 'ERR_ASSERTION'

// It may be rejected for as long as the server is away, with the codes for that and no others.
async function worksAgain(stage: Stage, plugin: Carrier): Promise<void> {
  await stage.retry(
    () => stage.publish(plugin, [PROBE]),
    error => isPassing(error) || isUncertain(error),
  )
}

/** Publishes before, during and after an interruption; resolves to what became of each event. */
async function publishThrough(stage: Stage, plugin: Carrier): Promise<[data: string, outcome: string][]> {
  const outcomes: Promise<[string, string]>[] = []
  const publish = (data: string) => {
    const outcome = plugin.publish(stage.channel, { data }).then(() => PUBLISHED, codeOf)
    outcomes.push(outcome.then(result => [data, result]))
  }
  for (const number of numbers(20)) {
    publish(`before ${number}`)
    await setImmediate() // so that some are on their way there when the connection breaks, and some answers on their way back
  }
  let isOver = false
  const interrupted = stage.interrupt().finally(() => {
    isOver = true
  })
  for (let number = 1; number <= 40 && !isOver; number += 1) {
    publish(`during ${number}`)
    await setTimeout(1)
  }
  await interrupted
  for (const number of numbers(20)) publish(`after ${number}`)
  return Promise.all(outcomes)
}

async function keptAfter(stage: Stage, plugin: Plugin, after: Position | undefined): Promise<string[]> {
  const result = await stage.retry(() => plugin.read(stage.channel, after, 1_000), isPassing)
  if (!result.ok) assert.fail(`read was refused: ${result.reason}`)
  return dataOf(result.entries)
}
