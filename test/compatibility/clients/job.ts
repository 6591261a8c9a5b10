import { expect, test } from '@jest/globals'
import { ServerSentEvent } from 'koa-eventfeed'
import { serve } from '../../support.js'
import type { Open } from './contract.js'

/** A job that fails once in the middle, and goes on where it was. Keeps the last event ID of every request. */
function failing() {
  const requests: (string | undefined)[] = []
  const job = async function* ({ lastEventId }: { lastEventId: string | undefined }) {
    requests.push(lastEventId)
    for (let step = Number(lastEventId ?? 0) + 1; step <= 4; step++) {
      if (step === 3 && requests.length === 1) throw new Error('failed')
      yield new ServerSentEvent({ step }, { event: 'step', id: step })
    }
  }
  return { requests, job }
}

/** For clients that come back when a stream ends, whatever the reason. */
export function proveJob(open: Open): void {
  test('H1: a job that fails in the middle goes on from the last event ID, and runs to its end', async () => {
    const { requests, job } = failing()
    await using served = await serve(sse => sse.streamGen('/job', job, { retry: 20 }))
    const inbox = await open(`${served.url}/job`, ['step'])
    expect((await inbox.stopped()).map(({ data }) => data)).toEqual([1, 2, 3, 4].map(step => `{"step":${step}}`))
    expect(requests).toEqual([undefined, '2'])
    expect(served.errors.map(error => error.message)).toEqual(['failed'])
  })
}
