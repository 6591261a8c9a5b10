import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { proveReader } from './contract.js'
import { Firefox, firefoxPath } from './firefox.js'
import { Gallery } from './gallery.js'
import { proveJob } from './job.js'
import { programVersion } from './versions.js'

const suite = existsSync(firefoxPath) ? describe : describe.skip

suite(`EventSource in Firefox ${programVersion(firefoxPath)}`, () => {
  const gallery = new Gallery()
  let firefox: Firefox
  beforeAll(async () => {
    firefox = await Firefox.start()
  })
  afterEach(() => firefox.leave())
  afterAll(() => firefox.end())

  const open = async (url: string, names: string[]) => {
    await firefox.visit(new URL('/announcer/', url).href)
    return firefox.open(url, names)
  }
  proveReader({ gallery, afterEnd: 204, open })
  proveJob(open)

  test('fires open before the first event', async () => {
    await firefox.visit(`${gallery.url}/announcer/`)
    const inbox = await firefox.open(`${gallery.url}/price/sse`, ['open'])
    expect(await inbox.take(1, 'open')).toHaveLength(1)
  })
})
