import { describe, expect, test } from '@jest/globals'
import type { Chromium } from './chromium.js'
import type { Gallery } from './gallery.js'
import { shows } from './page.js'
import { recipeServers, snippet } from './recipes.js'
import { packageVersion } from './versions.js'

const TITLE = 'Turbo'
const HEAD = `<script type="module" src="https://cdn.jsdelivr.net/npm/@hotwired/turbo@8/dist/turbo.es2017-esm.js"></script>`

export function proveTurbo(browser: Chromium, gallery: Gallery): void {
  describe(`Turbo ${packageVersion('@hotwired/turbo')}, its <turbo-stream-source>`, () => {
    const serve = recipeServers()
    const append = (text: string) =>
      gallery.publish(`<turbo-stream action="append" target="list">\n<template>${text}</template></turbo-stream>`)
    const visit = (path: string) =>
      browser.page(`${gallery.url}/empty`, `${HEAD}<div id="list"></div><turbo-stream-source src="${path}">`)

    test('carries out what unnamed events tell, as they are sent, in several lines and UTF-8', async () => {
      const path = '/publish/sse'
      const before = gallery.served.seen(path).length
      const page = await visit(path)
      await gallery.answered(path, before + 1)
      for (const [text, all] of [
        ['größer\n', 'größer\n'],
        ['日本語', 'größer\n日本語'],
      ] as const) {
        await append(text)
        await shows(page, '#list', all)
      }
    })

    test('reconnects with its last event ID after a cut, and misses nothing', async () => {
      const path = '/publish/sse'
      const before = gallery.served.seen(path).length
      const page = await visit(path)
      await gallery.answered(path, before + 1)
      await append('one')
      await shows(page, '#list', 'one')
      gallery.served.breakOff()
      await append(', two')
      await shows(page, '#list', 'one, two')
    })

    test('stops for good at the end of a stream: its reconnect is answered 204', async () => {
      const path = await gallery.startExport(100)
      const page = await visit(path)
      await page.waitForFunction('document.querySelector("turbo-stream-source").streamSource?.readyState === 2')
      expect(gallery.served.seen(path).map(({ status }) => status)).toEqual([200, 204])
    })

    test('closes the stream when its element is removed', async () => {
      const page = await visit('/clock/eventfeed')
      const [seen] = (await gallery.answered('/clock/eventfeed', 1)).slice(-1)
      await page.evaluate('document.querySelector("turbo-stream-source").remove()')
      await seen?.over
    })

    test('the recipe: what one posts, all see', async () => {
      const page = await browser.page(`http://127.0.0.1:${await serve(TITLE)}/`, snippet(TITLE, 'html'))
      await page.getByLabel('Message').fill('1 < 2')
      await page.getByRole('button').click()
      await shows(page, 'ul', '1 < 2')
    })
  })
}
