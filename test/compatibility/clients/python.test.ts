import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterEach, describe } from '@jest/globals'
import { proveReader } from './contract.js'
import { Gallery } from './gallery.js'
import { Inbox } from './inbox.js'
import { proveJob } from './job.js'
import { snippet } from './recipes.js'
import { programVersion } from './versions.js'

const PRINT_EVENTS = `
import json
import sys

for event in listen(sys.argv[1]):
    print(json.dumps(event), flush=True)
`

describe(`Python ${programVersion('python3')}, its standard library`, () => {
  const gallery = new Gallery()
  const running: ChildProcess[] = []
  afterEach(() => {
    for (const child of running.splice(0)) child.kill()
  })

  function open(url: string, names: string[]): Inbox {
    const inbox = new Inbox()
    const child = spawn('python3', ['-c', snippet('Python', 'python') + PRINT_EVENTS, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.push(child)
    createInterface(child.stdout).on('line', line => {
      const { event = 'message', data, id } = JSON.parse(line) as { event?: string; data: string; id?: string }
      if (names.includes(event)) inbox.push({ event, data, id })
    })
    child.once('close', code => code === 0 && inbox.stop())
    return inbox
  }
  proveReader({ gallery, afterEnd: 204, open })
  proveJob(open)
})
