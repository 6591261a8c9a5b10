import { readFileSync } from 'node:fs'
import { expect } from '@jest/globals'
import type { BrowserContext, Page } from 'playwright-core'
import { packageVersion } from './versions.js'

/** Waits until an element shows exactly a text; fails with what it shows instead. */
export async function shows(page: Page, selector: string, text: string): Promise<void> {
  const [element, wanted] = [selector, text].map(word => JSON.stringify(word))
  await page
    .waitForFunction(`document.querySelector(${element}).textContent === ${wanted}`, undefined, { timeout: 8_000 })
    .catch(() => {})
  expect(await page.locator(selector).textContent()).toBe(text)
}

/** Answers a context's requests for packages of a CDN with the files of those that are installed. */
export async function serveCdn(context: BrowserContext): Promise<void> {
  await context.route('https://cdn.jsdelivr.net/npm/**', async route => {
    const [, name = '', version = '', file] = /\/npm\/(.+)@(\d[\d.]*)\/(.+)$/.exec(route.request().url()) ?? []
    const folder = name.replace('htmx.org', `htmx${version[0]}`)
    if (!`${packageVersion(folder)}.`.startsWith(`${version}.`))
      throw new Error(`${name} has another version installed`)
    await route.fulfill({
      contentType: 'text/javascript',
      headers: { 'Access-Control-Allow-Origin': '*' },
      body: readFileSync(new URL(`../../../node_modules/${folder}/${file}`, import.meta.url), 'utf8'),
    })
  })
}
