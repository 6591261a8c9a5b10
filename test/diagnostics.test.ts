import { spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { SseRouter } from 'koa-eventfeed'
import { openStream } from 'koa-eventfeed/testing'
import { serve, turns } from './support.js'

const NAMES = ['connect', 'disconnect', 'refuse', 'publish', 'fanout', 'hole', 'failure']

let told: [name: string, message: Record<string, unknown>][]
const listeners = NAMES.map(name => {
  const listener = (message: unknown) => told.push([name, message as Record<string, unknown>])
  return [`koa-eventfeed:${name}`, listener] as const
})

beforeEach(() => {
  told = []
  for (const [name, listener] of listeners) subscribe(name, listener)
})
afterEach(() => {
  for (const [name, listener] of listeners) unsubscribe(name, listener)
})

const messagesOf = (name: string) => told.filter(([known]) => known === name).map(([, message]) => message)

const stage = () =>
  serve(
    sse => {
      sse.pubSub('/news')
      sse.pubSub('/private', { authorize: () => false })
      sse.streamGen('/broken', async function* () {
        yield 'one'
        await turns()
        throw new Error('of the source')
      })
    },
    { router: { prefix: '/sse' } },
  )

describe('node:diagnostics_channel', () => {
  test('is told of a stream: how it opens and ends, what it is sent and what it misses', async () => {
    await using served = await stage()
    const stream = await openStream(`${served.url}/sse/news`, { lastEventId: 'no.position.at-all' })
    await stream.find(({ event }) => event === 'stream-open')
    const id = await served.sse.publish('fünf', { channel: 'sse' })
    await stream.find(({ data }) => data === 'fünf')
    const gone = new Promise(resolve => served.sse.activity.on('disconnect', resolve))
    await stream.close()
    await gone
    expect(id).not.toBe('')
    const connection = {
      id: expect.any(Number),
      address: '127.0.0.1',
      path: '/sse/news',
      key: undefined,
      channels: ['sse'],
      opened: expect.any(Number),
      events: expect.any(Number),
      bytes: expect.any(Number),
      held: 0,
    }
    expect(messagesOf('connect')).toEqual([{ connection }])
    expect(messagesOf('hole')).toEqual([{ channel: 'sse', reason: 'malformed' }])
    expect(messagesOf('publish')).toEqual([{ channel: 'sse', bytes: 5, duration: expect.any(Number) }])
    expect(messagesOf('fanout')).toContainEqual({ channel: 'sse', followers: 1, duration: expect.any(Number) })
    expect(messagesOf('disconnect')).toEqual([
      { connection: { ...connection, events: stream.events.length }, reason: 'left' },
    ])
    const order = told.map(([name]) => name)
    expect(order.indexOf('connect')).toBeLessThan(order.indexOf('hole'))
    expect(order.at(-1)).toBe('disconnect')
  })

  test('is told of who is refused, and of what fails', async () => {
    await using served = await stage()
    for (const path of ['private', 'broken']) await (await fetch(`${served.url}/sse/${path}`)).text()
    const [refusal, ...others] = messagesOf('refuse')
    expect(refusal).toMatchObject({ reason: 'unauthorized', status: 403, ctx: { path: '/sse/private' } })
    expect(others).toEqual([])
    expect(messagesOf('failure')).toEqual([{ error: served.errors[0], path: '/sse/broken' }])
    expect(served.errors.map(({ message }) => message)).toEqual(['of the source'])
    expect(messagesOf('disconnect')).toMatchObject([{ reason: 'failed' }])
  })

  test('is told of all routers of the process, as their own activity is: with the same objects', async () => {
    const routers = [new SseRouter(), new SseRouter()]
    const own: unknown[] = []
    for (const sse of routers) sse.activity.on('publish', detail => own.push(detail))
    for (const [n, sse] of routers.entries()) await sse.publish('an event', { channel: `of-${n}` })
    const messages = messagesOf('publish')
    expect(messages.map(({ channel }) => channel)).toEqual(['of-0', 'of-1'])
    expect(messages.map((message, n) => message === own[n])).toEqual([true, true])
  })

  test('a subscriber that throws breaks no stream: it is an uncaught exception of the process', async () => {
    const script = `
      import { subscribe } from 'node:diagnostics_channel'
      import Koa from 'koa'
      import { SseRouter } from 'koa-eventfeed'
      import { openStream } from 'koa-eventfeed/testing'
      const thrown = []
      process.on('uncaughtException', error => thrown.push(error.message))
      for (const name of ${JSON.stringify(NAMES)}) subscribe('koa-eventfeed:' + name, () => { throw new Error(name) })
      const sse = new SseRouter()
      sse.pubSub('/news')
      const app = new Koa().use(sse.routes())
      const stream = await openStream(app, { path: '/news' })
      await stream.find(({ event }) => event === 'stream-open')
      await sse.publish('one')
      await sse.publish('two')
      const data = (await stream.take(2)).map(event => event.data)
      const gone = new Promise(resolve => sse.activity.on('disconnect', resolve))
      await stream.close()
      await gone
      setImmediate(() => console.log(JSON.stringify({ data, thrown: [...new Set(thrown)].sort() })))`
    const cwd = fileURLToPath(new URL('..', import.meta.url))
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd })
    const [output, errors] = [child.stdout, child.stderr].map(stream => stream.setEncoding('utf8').toArray())
    expect(await once(child, 'exit')).toEqual([0, null])
    expect((await errors)?.join('')).toBe('')
    const result = JSON.parse((await output)?.join('') ?? '')
    expect(result).toEqual({ data: ['one', 'two'], thrown: ['connect', 'disconnect', 'fanout', 'publish'] })
  })
})
