import { whileInView } from './stream.js'

const causes = {
  trimmed: 'they are too old, and the server no longer has them',
  limit: 'there are too many of them',
  absent: 'the server has started anew',
  epoch: 'the server has started anew',
}

/**
 * A channel's events while the element is in view, each handed to the function in `on` for its type. It goes on where it was:
 * EventSource tells the last event's id when it reconnects by itself, and a new one here tells it in its URL. Where what was
 * missed cannot be had any more, `onHole` gets a sentence that says so. Returns a function that ends this.
 */
export function channelInView(element, url, say, on, onHole) {
  let seen = ''
  const handlers = { ...on, 'stream-open': () => say('live'), 'stream-reset': data => onHole(holeIn(data)) }
  return whileInView(element, say, () => {
    const address = new URL(url, location.href)
    if (seen !== '') address.searchParams.set('lastEventId', seen)
    const source = new EventSource(address)
    say('connecting')
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, event => {
        seen = event.lastEventId ?? seen // `open` has none
        handle(event.data)
      })
    }
    source.addEventListener('error', () => say(source.readyState === EventSource.CLOSED ? 'ended' : 'reconnecting'))
    return () => source.close()
  })
}

function holeIn(data) {
  const { reason } = JSON.parse(data)
  return `Some events are missing here: ${causes[reason] ?? 'they cannot be found again'} (${reason}).`
}
