import { afterEach, describe } from '@jest/globals'
import { createEventSource, type EventSourceClient } from 'eventsource-client'
import { proveReader } from './contract.js'
import { Gallery } from './gallery.js'
import { Inbox } from './inbox.js'
import { proveJob } from './job.js'
import { packageVersion } from './versions.js'

describe(`eventsource-client ${packageVersion('eventsource-client')}`, () => {
  const gallery = new Gallery()
  const clients: EventSourceClient[] = []
  afterEach(() => {
    for (const client of clients.splice(0)) client.close()
  })

  function open(url: string, names: string[]): Inbox {
    const inbox = new Inbox()
    const client = createEventSource({
      url,
      onMessage: ({ event = 'message', data, id }) => names.includes(event) && inbox.push({ event, data, id }),
      // It says so before it is closed.
      onDisconnect: () => queueMicrotask(() => client.readyState === 'closed' && inbox.stop()),
    })
    clients.push(client)
    return inbox
  }
  proveReader({ gallery, afterEnd: 204, open })
  proveJob(open)
})
