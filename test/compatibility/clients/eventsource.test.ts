import { afterEach, describe } from '@jest/globals'
import { EventSource } from 'eventsource'
import { proveReader } from './contract.js'
import { Gallery } from './gallery.js'
import { proveJob } from './job.js'
import { listen } from './listen.js'
import { packageVersion } from './versions.js'

describe(`eventsource ${packageVersion('eventsource')}`, () => {
  const gallery = new Gallery()
  const sources: EventSource[] = []
  afterEach(() => {
    for (const source of sources.splice(0)) source.close()
  })
  const open = (url: string, names: string[]) => listen(new EventSource(url), names, sources)
  proveReader({ gallery, afterEnd: 204, open })
  proveJob(open)
})
