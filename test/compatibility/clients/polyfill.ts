import { describe } from '@jest/globals'
import type { Chromium } from './chromium.js'
import { proveReader } from './contract.js'
import type { Gallery } from './gallery.js'
import { packageVersion } from './versions.js'

export function provePolyfill(browser: Chromium, gallery: Gallery): void {
  describe(`event-source-polyfill ${packageVersion('event-source-polyfill')} in Chromium`, () => {
    const open = async (url: string, names: string[]) =>
      (await browser.opener(new URL(url).origin, '')).open('EventSourcePolyfill', url, names)
    proveReader({ gallery, afterEnd: 204, resumesBy: 'query', open })
  })
}
