import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { PubSub } from 'koa-eventfeed'
import type { Client } from './client.js'
import type { Wire } from './network.js'
import { Stage } from './stage.js'

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => {
  expect(stage.broken).toEqual([])
})

const resets = () => Object.entries(stage.tally.resets).filter(([, count]) => count > 0)
const wire = () => stage.network.wires[0] as Wire
const reads = () => stage.network.tasks.filter(({ name }) => name === 'read').length

describe('joining', () => {
  test('gives each event once, whichever moment of the joining it is published in', async () => {
    const ann = stage.client('Ann')
    const process = stage.process()
    stage.publish(3)
    ann.become(stage.entry(1))
    ann.come(after => process.follow(ann, after))
    await stage.step('subscribe')
    stage.publish() // the broker knows of the subscription, the process does not
    await stage.step('subscribe')
    stage.publish() // acknowledged, not yet read
    await stage.step('read')
    stage.publish() // read, and the answer is on its way
    await stage.deliver()
    await stage.step('read')
    stage.publish() // the channel is read, what the client missed is not
    await stage.deliver()
    await stage.settle()
    expect([ann.at, stage.tally.deliveries, resets()]).toEqual([stage.entry(7), 6, []])
  })

  test.each([
    [1, [['trimmed', 1]]],
    [2, []],
    [3, []],
  ])('after event %i of 5, of which 3 are kept, is a hole only where one is missing', async (offset, told) => {
    stage = new Stage(3)
    const ann = stage.client('Ann')
    stage.publish(5)
    ann.become(stage.entry(offset))
    await stage.join(ann, stage.process())
    expect([ann.at, resets()]).toEqual([stage.entry(5), told])
  })

  test('at a process that lags behind what the client has makes the process read first', async () => {
    const [ann, bob] = [stage.client('Ann'), stage.client('Bob')]
    const late = stage.process()
    await stage.join(ann, late)
    const waiting = wire().queue
    stage.publish(2)
    const messages = waiting.splice(0)
    bob.become(stage.entry(2))
    await stage.join(bob, late)
    waiting.push(...messages)
    await stage.deliver()
    expect([ann.at, bob.at, resets()]).toEqual([stage.entry(2), stage.entry(2), []])
  })

  test('with a position ahead of the broker is a hole, and goes on from what there is', async () => {
    const ann = stage.client('Ann')
    stage.publish()
    const before = stage.broker.snapshot()
    stage.publish(3)
    stage.broker.restore(before)
    stage.publish()
    ann.become(stage.entry(4))
    await stage.join(ann, stage.process())
    expect([ann.at, resets()]).toEqual([stage.broker.top, [['rollback', 1]]])
  })
})

describe('a channel that is read', () => {
  let ann: Client
  beforeEach(async () => {
    ann = stage.client('Ann')
    await stage.join(ann, stage.process())
  })

  test('does not read again for a message that it has already', async () => {
    stage.publish(2)
    wire().queue.push(stage.entry(1), stage.entry(2))
    await stage.deliver()
    expect([ann.at, reads()]).toEqual([stage.entry(2), 0])
  })

  test('reads again for one that does not follow, and only once for many', async () => {
    stage.publish(4)
    wire().queue.shift()
    await stage.deliver()
    expect([ann.at?.position.offset, reads()]).toEqual([0, 1])
    await stage.settle()
    expect(ann.at).toBe(stage.entry(4))
  })

  test('reads again when it is told of a loss while a read is under way, which may have been answered before', async () => {
    stage.network.tell(wire())
    await stage.step('read')
    stage.network.cut(wire())
    stage.publish()
    stage.network.tell(wire())
    await stage.settle()
    expect(ann.at).toBe(stage.entry(1))
  })

  test('tells of a lineage that ended, though its offsets are issued again', async () => {
    stage.publish(2)
    const before = stage.broker.snapshot()
    stage.publish(3)
    await stage.deliver()
    stage.broker.restore(before)
    stage.publish(4)
    await stage.settle()
    expect([ann.at, resets()]).toEqual([stage.broker.top, [['fork', 1]]])
  })
})

describe('a sweep', () => {
  test('passes nobody over when a client comes before its turn', async () => {
    const process = stage.process()
    const [ann, bob, cem] = [stage.client('Ann'), stage.client('Bob'), stage.client('Cem')]
    await stage.join(ann, process)
    stage.publish()
    await stage.deliver() // the next sweep begins after Ann
    await stage.join(bob, process)
    stage.publish()
    for (const truth of wire().queue.splice(0)) wire().deliver(truth)
    await stage.join(cem, process)
    expect([ann.at, bob.at, cem.at]).toEqual([stage.entry(2), stage.entry(2), stage.entry(2)])
  })

  test('passes nobody over when a client leaves in its turn', async () => {
    const process = stage.process()
    const leaves = (client: Client) => client.at === stage.entry(1) && client.leave()
    const clients = [stage.client('Ann', leaves), stage.client('Bob'), stage.client('Cem')]
    for (const client of clients) await stage.join(client, process)
    stage.publish()
    await stage.deliver()
    expect(clients.map(({ at }) => at)).toEqual([stage.entry(1), stage.entry(1), stage.entry(1)])
  })
})

test('an event that is published while a client is told of a hole comes next', async () => {
  stage = new Stage(1)
  const process = stage.process()
  stage.publish(5)
  await stage.join(stage.client('Ann'), process)
  const bob = stage.client('Bob', () => {
    if (stage.broker.top !== stage.entry(5)) return
    stage.publish()
    for (const truth of wire().queue.splice(0)) wire().deliver(truth)
  })
  bob.become(stage.entry(1))
  await stage.join(bob, process)
  expect([bob.at, resets()]).toEqual([stage.entry(6), [['trimmed', 1]]])
})

test('who comes while the last one leaves is subscribed, and gets what is published', async () => {
  const pubsub = new PubSub({ plugin: stage.network.plugin() })
  const first = pubsub.subscribe('news')
  await stage.settle()
  await first.return()
  const second = pubsub.subscribe('news')
  await stage.step('subscribe')
  await stage.settle()
  const next = second.next()
  stage.publish()
  await stage.deliver()
  expect((await next).value).toMatchObject({ data: '0' })
  expect(stage.network.wires).toHaveLength(1)
  await second.return()
  await stage.settle()
  expect([stage.network.wires.length, pubsub.channels]).toEqual([0, 0])
})
