import { Turn } from './slots.js'

/**
 * Watches what a server runs to its end. It goes on where it was if the connection breaks off, or if another pane takes it.
 * @param on `message` gets each event's data. `restart`: it begins anew. `end` gets what the end says: `{}`, `{ failed: true }`,
 * `{ cancelled: true }`, or undefined if there is no such job.
 */
export function watchJob(url, say, on) {
  let seen = ''
  const end = outcome => {
    turn.leave()
    say('ended')
    on.end(outcome)
  }
  const turn = new Turn(say, () => {
    const source = new EventSource(seen === '' ? url : `${url}?lastEventId=${encodeURIComponent(seen)}`)
    const handlers = { message: on.message, 'stream-reset': on.restart, 'stream-end': end }
    say('connecting')
    source.addEventListener('open', () => say('live'))
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, event => {
        seen = event.lastEventId
        handle(JSON.parse(event.data))
      })
    }
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) end(undefined)
      else say('reconnecting')
    })
    return () => source.close()
  })
  return turn
}
