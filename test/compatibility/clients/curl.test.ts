import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from '@jest/globals'
import { Gallery } from './gallery.js'
import { programVersion } from './versions.js'

describe(`curl ${programVersion('curl')}`, () => {
  const gallery = new Gallery()
  const running: ChildProcess[] = []
  afterEach(() => {
    for (const child of running.splice(0)) child.kill()
  })

  function curl(path: string, ...options: string[]) {
    const child = spawn('curl', ['-sN', ...options, `${gallery.url}${path}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    running.push(child)
    const exit = once(child, 'close').then(([code]) => code)
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
    })
    const until = async (pattern: RegExp) => {
      while (!pattern.test(printed)) await once(child.stdout, 'data')
      return printed
    }
    return { until, exit, printed: () => printed }
  }

  test('H1: curl -N prints each event as it is sent', async () => {
    const { until } = curl('/announcer/listen')
    await until(/^event: stream-open\nid: .+\ndata: {"channels":\["announcements"\]}\n\n/m)
    for (const count of [1, 2]) {
      await gallery.ping()
      await until(new RegExp(`(?:id: .+\ndata: pong\n\n){${count}}$`))
    }
  })

  test('with -H "Last-Event-ID: …" it prints what was missed', async () => {
    const { until } = curl('/publish/sse')
    const id = /^id: (.+)$/m.exec(await until(/stream-open(.+\n)+\n/s))?.[1]
    gallery.served.breakOff()
    for (const text of ['größer', 'two\nlines']) await gallery.publish(text)
    const again = curl('/publish/sse', '-H', `Last-Event-ID: ${id}`)
    expect(await again.until(/lines\n\n/)).toMatch(/data: größer\n\nid: .+\ndata: two\ndata: lines\n\n/)
  })

  test('exits without an error at the end of a stream', async () => {
    const { exit, printed } = curl(await gallery.startExport(100))
    expect(await exit).toBe(0)
    expect(printed()).toMatch(/data: {"done":100,"rows":100}\n\nevent: stream-end\nid: .+\ndata: {}\n\n$/)
  })
})
