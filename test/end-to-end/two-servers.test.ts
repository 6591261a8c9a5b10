import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { openStream } from 'koa-eventfeed/testing'
import type { Page } from 'playwright-core'
import { type RedisServer, startRedis } from '../redis/server.js'
import { patiently, Stage, untilState, type Visit, watchTexts } from './browser.js'
import { address, killStarted, start } from './started.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => await redis[Symbol.asyncDispose]())
killStarted()

async function startServer() {
  const child = start({ REDIS_URL: redis.url })
  return { child, url: await address(child) }
}

async function transcript(url: string) {
  await using stream = await openStream(url)
  return (await stream.ended()).map(({ id, event, data }) => ({ id, event, data }))
}

const item = (page: Page, name: string, text: string) => page.locator(`#${name} li`, { hasText: text })

describe('two servers over one Redis', () => {
  const stage = new Stage(() => new Koa())

  async function enter(url: string, name: string): Promise<Visit> {
    const visit = await stage.visit({}, url)
    await visit.page.locator(`#${name} .pane`).scrollIntoViewIfNeeded()
    await untilState(visit.page, name, 'live')
    return visit
  }

  async function write(page: Page, text: string): Promise<void> {
    const message = page.locator('#chat').getByLabel('Message', { exact: true })
    await message.fill(text)
    await message.press('Enter')
  }

  test('show each other what is written in the chat, and go on when the other is killed', async () => {
    const [one, two] = await Promise.all([startServer(), startServer()])
    const ann = await enter(one.url, 'chat')
    const bob = await enter(two.url, 'chat')
    await write(ann.page, 'from one')
    await item(bob.page, 'chat', 'from one').waitFor(patiently)
    await write(bob.page, 'from two')
    await item(ann.page, 'chat', 'from two').waitFor(patiently)
    expect([...ann.faults, ...bob.faults]).toEqual([])

    one.child.kill('SIGKILL')
    await once(one.child, 'exit')
    await write(bob.page, 'alone')
    await item(bob.page, 'chat', 'alone').waitFor(patiently)
    const three = await startServer()
    const late = await enter(three.url, 'chat')
    await write(late.page, 'from three')
    for (const { page } of [bob, late]) {
      await item(page, 'chat', 'from three').waitFor(patiently)
      const texts = await page.locator('#chat li span').allTextContents()
      expect(texts).toEqual(['from one', 'from two', 'alone', 'from three'])
    }
    expect([...bob.faults, ...late.faults]).toEqual([])
  })

  test('carry every example: what is done on the page of one is seen on that of the other', async () => {
    const [one, two] = await Promise.all([startServer(), startServer()])
    const panes: [name: string, act: (page: Page) => Promise<unknown>, seen: string | RegExp][] = [
      ['announcer', page => page.getByRole('button', { name: 'Ping' }).click(), 'pong'],
      ['notifications', page => page.getByRole('button', { name: 'Place an order' }).click(), 'on its way'],
      ['price', page => page.locator('#price').getByRole('button').click(), 'Current Price - 100'],
      [
        'publish',
        page => page.locator('#publish').getByRole('button', { name: 'Publish' }).click(),
        '{"text":"Hello"}',
      ],
      ['flask', page => page.locator('#flask').getByRole('button').click(), 'Hello!'],
      ['redis-chat', page => say(page, '<b>hi</b>'), '] <i>Ann</i>: <b>hi</b>'],
    ]
    const acting = await stage.visit({}, one.url)
    const watching = await stage.visit({}, two.url)
    for (const [name, act, seen] of panes) {
      for (const { page } of [acting, watching]) await page.locator(`#${name} .pane`).scrollIntoViewIfNeeded()
      await untilState(watching.page, name, 'live')
      await act(acting.page)
      await watching.page.locator(`#${name} .pane`).getByText(seen).first().waitFor(patiently)
    }
    await item(watching.page, 'notifications', 'has come in').waitFor(patiently)
    expect([...acting.faults, ...watching.faults]).toEqual([])
  })

  test('have one run between them: both browsers see the same job from its first event to its end, and it ran once', async () => {
    const [one, two] = await Promise.all([startServer(), startServer()])
    const runs = async (example: string) => {
      const answers = await Promise.all([one, two].map(({ url }) => fetch(`${url}/${example}/runs`)))
      const counts = (await Promise.all(answers.map(answer => answer.json()))) as { runs: number }[]
      return counts.map(({ runs }) => runs).sort()
    }
    const ann = await stage.visit({}, one.url)
    await ann.page.locator('#export').getByRole('button', { name: 'Export' }).click()
    await ann.page.getByText(/^[2-9]00 of 2000 rows$/).waitFor(patiently)
    const bob = await stage.visit({}, ann.page.url().replace(one.url, two.url))
    const counts = await Promise.all([ann, bob].map(({ page }) => watchTexts(page, '#export .percent')))
    await ann.page.locator('#tokens').getByRole('button', { name: 'Send' }).click()
    await ann.page.getByText('You asked').waitFor(patiently)
    const cid = await stage.visit({}, ann.page.url().replace(one.url, two.url))
    for (const { page } of [ann, bob]) await page.locator('#export').getByText('Done.').waitFor(patiently)
    const [first = [], second = []] = await Promise.all(counts.map(texts => texts()))
    expect(second.at(-1)).toBe('2000 of 2000 rows')
    expect(first.slice(-5)).toEqual(second.slice(-5))
    expect(await runs('export')).toEqual([0, 1])
    const answers = [ann, cid].map(({ page }) => page.locator('#tokens .answer', { hasText: /here instead\.$/ }))
    for (const answer of answers) await answer.waitFor(patiently)
    expect(await answers[0]?.textContent()).toBe(await answers[1]?.textContent())
    expect(await runs('tokens')).toEqual([0, 1])
    const params = new URL(cid.page.url()).searchParams
    for (const path of [`/export/exports/${params.get('export')}`, `/tokens/answers/${params.get('answer')}`]) {
      const [here = [], there = []] = await Promise.all([one, two].map(({ url }) => transcript(`${url}${path}`)))
      expect(here.length).toBeGreaterThan(20)
      expect(here).toEqual(there)
    }
    expect([...ann.faults, ...bob.faults, ...cid.faults]).toEqual([])
  }, 40_000)

  test('hand a run over: when one is stopped in the middle of a sentence, the other goes on with the next word', async () => {
    const [one, two] = await Promise.all([startServer(), startServer()])
    const body = JSON.stringify({ prompt: 'Why?' })
    const headers = { 'Content-Type': 'application/json' }
    const { id } = (await (await fetch(`${one.url}/tokens/answers`, { method: 'POST', headers, body })).json()) as {
      id: string
    }
    await using first = await openStream(`${one.url}/tokens/answers/${id}`)
    await first.take(5)
    await using second = await openStream(`${two.url}/tokens/answers/${id}`)
    await second.take(5)
    one.child.kill('SIGTERM')
    const [code] = await once(one.child, 'exit')
    expect(code).toBe(0)
    const words =
      (await second.ended()) &&
      second.events.flatMap(({ event, data }) => (event ? [] : [JSON.parse(data).choices[0].delta.content]))
    expect(words.join('')).toMatch(/^You asked: “Why\?” Each word .+ here instead\.$/)
    expect(words.join('').match(/Reload the page/g)).toHaveLength(1)
    expect(second.events.map(({ event }) => event).filter(Boolean)).toEqual(['stream-end'])
  })

  // Without channels: each server has its own, over Redis as without.
  test.each([
    ['clock', /^\d{4}-/],
    ['counter', 'message counter - 1'],
  ])('%s shows an event', async (name, seen) => {
    const { page, faults } = await enter((await startServer()).url, name)
    await page.locator(`#${name} .pane`).getByText(seen).first().waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('each card says what carries its channels', async () => {
    const { page } = await stage.visit({}, (await startServer()).url)
    const carriers = await page.locator('.card .plugin').allTextContents()
    expect(carriers.filter(Boolean)).toEqual([
      ...Array(7).fill('carried by redis'),
      ...Array(2).fill('carried by redis-pubsub'),
      ...Array(3).fill('carried by redis'),
    ])
    expect(await page.locator('#publish .note').textContent()).toBe('From elsewhere: redis-cli PUBLISH sse hello')
  })

  async function say(page: Page, line: string): Promise<void> {
    const chat = page.locator('#redis-chat')
    await chat.getByLabel('Name').fill('<i>Ann</i>')
    await chat.getByRole('button', { name: 'Log in' }).click()
    await chat.getByText('You are <i>Ann</i>.').waitFor(patiently)
    await chat.getByLabel('Line').fill(line)
    await chat.getByRole('button', { name: 'Send' }).click()
  }
})

test('a newcomer to any server sees the last 20 messages, whoever took them and when it was started', async () => {
  const [one, two] = await Promise.all([startServer(), startServer()])
  for (let number = 1; number <= 25; number++) {
    const { url } = number % 2 === 0 ? one : two
    const body = JSON.stringify({ name: 'Ann', text: `${number}` })
    const headers = { 'Content-Type': 'application/json' }
    await fetch(`${url}/chat/rooms/garden`, { method: 'POST', headers, body })
  }
  for (const { url } of [one, two, await startServer()]) {
    await using stream = await openStream(`${url}/chat/rooms/garden`)
    const texts = (await stream.take(20)).map(({ data }) => JSON.parse(data).text)
    expect(texts).toEqual(Array.from({ length: 20 }, (_, index) => `${index + 6}`))
    expect((await stream.take(1))[0]?.event).toBe('stream-open')
  }
})
