// One browser for all that run in one.
import { Chromium } from './chromium.js'
import { proveDatastar } from './datastar.js'
import { proveEventSource } from './eventsource-in-chromium.js'
import { proveFetchEventSource } from './fetch-event-source.js'
import { Gallery } from './gallery.js'
import { proveHtmx2 } from './htmx2.js'
import { proveHtmx4 } from './htmx4.js'
import { provePolyfill } from './polyfill.js'
import { proveTurbo } from './turbo.js'

const gallery = new Gallery()
const browser = new Chromium()

proveEventSource(browser, gallery)
provePolyfill(browser, gallery)
proveFetchEventSource(browser, gallery)
proveHtmx2(browser, gallery)
proveHtmx4(browser, gallery)
proveTurbo(browser, gallery)
proveDatastar(browser)
