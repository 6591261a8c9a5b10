import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { openStream } from 'koa-eventfeed/testing'
import type { Page } from 'playwright-core'
import { type RedisServer, startRedis } from '../redis/server.js'
import { patiently, Stage, untilState, type Visit } from './browser.js'
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
      ['publish', page => page.locator('#publish').getByRole('button').click(), '{"text":"Hello"}'],
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

  // Without channels: each server has its own, over Redis as without.
  test.each([
    ['clock', /^\d{4}-/],
    ['counter', 'message counter - 1'],
    ['progress', 'The job is running.'],
  ])('%s shows an event', async (name, seen) => {
    const { page, faults } = await enter((await startServer()).url, name)
    await page.locator(`#${name} .pane`).getByText(seen).first().waitFor(patiently)
    expect(faults).toEqual([])
  })

  test('each card says what carries its channels', async () => {
    const { page } = await stage.visit({}, (await startServer()).url)
    const carriers = await page.locator('.card .plugin').allTextContents()
    expect(carriers.filter(Boolean)).toEqual([
      ...Array(3).fill('carried by redis'),
      ...Array(2).fill('carried by redis-pubsub'),
      'carried by redis',
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
