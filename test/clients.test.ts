import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { ServerSentEvent } from 'koa-eventfeed'
import { deferred, serve } from './support.js'

/** A job that is cut off once in the middle by the server, and goes on where it was. Keeps the last event ID of every request. */
function jobs() {
  const requests: (string | undefined)[] = []
  const job = async function* ({ lastEventId }: { lastEventId: string | undefined }) {
    requests.push(lastEventId)
    for (let step = Number(lastEventId ?? 0) + 1; step <= 4; step++) {
      if (step === 3 && requests.length === 1) throw new Error('cut off')
      yield new ServerSentEvent({ step }, { event: 'step', id: step })
    }
  }
  return { requests, job }
}

describe('H1: a job that is cut off once and then runs to its end', () => {
  test('reaches the npm client eventsource once and in order, and it stops for good', async () => {
    const { requests, job } = jobs()
    await using served = await serve(sse => sse.streamGen('/job', job, { retry: 20 }))
    const source = new EventSource(`${served.url}/job`)
    const steps: string[] = []
    source.addEventListener('step', event => steps.push(event.data))
    const stopped = deferred()
    source.addEventListener('error', () => source.readyState === EventSource.CLOSED && stopped.resolve())
    await stopped.promise
    expect(steps).toEqual([1, 2, 3, 4].map(step => `{"step":${step}}`))
    expect(requests).toEqual([undefined, '2'])
    expect(served.errors.map(error => error.message)).toEqual(['cut off'])
  })

  test('reaches the npm client eventsource-client once and in order, and it stops for good', async () => {
    const { requests, job } = jobs()
    await using served = await serve(sse => sse.streamGen('/job', job, { retry: 20 }))
    const steps: string[] = []
    const stopped = deferred()
    const client = createEventSource({
      url: `${served.url}/job`,
      onMessage: ({ event, data }) => event === 'step' && steps.push(data),
      // It says so before it is closed.
      onDisconnect: () => queueMicrotask(() => client.readyState === 'closed' && stopped.resolve()),
    })
    await stopped.promise
    expect(steps).toEqual([1, 2, 3, 4].map(step => `{"step":${step}}`))
    expect(requests).toEqual([undefined, '2'])
  })
})

test('H1: curl -N prints each event as it comes', async () => {
  const next = [deferred(), deferred()]
  await using served = await serve(sse =>
    sse.streamGen('/s', async function* () {
      for (const [n, gate] of next.entries()) {
        yield { n }
        await gate.promise
      }
    }),
  )
  const curl = spawn('curl', ['-sN', `${served.url}/s`])
  let text = ''
  curl.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const exit = once(curl, 'exit')
  for (const [n, gate] of next.entries()) {
    while (!text.endsWith(`data: {"n":${n}}\n\n`)) await once(curl.stdout, 'data')
    gate.resolve()
  }
  expect((await exit)[0]).toBe(0)
  expect(text).toBe(':\ndata: {"n":0}\n\ndata: {"n":1}\n\nevent: stream-end\nid: stream-end\ndata: {}\n\n')
})
