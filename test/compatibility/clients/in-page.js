// Bundled, and run in a page: opens a stream with one of the clients, and tells the test what it hears.
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { EventSourcePolyfill } from 'event-source-polyfill'

function listen(source, names, inbox) {
  for (const event of names) {
    source.addEventListener(event, ({ data, lastEventId: id }) => tell({ inbox, event, data, id }))
  }
  source.addEventListener('error', () => source.readyState === 2 && tell({ inbox, stopped: true }))
  return source
}

function fetchEvents(url, names, inbox) {
  const onmessage = ({ event, data, id }) => {
    if (names.includes(event || 'message')) tell({ inbox, event: event || 'message', data, id })
  }
  fetchEventSource(url, { onmessage, openWhenHidden: true }).then(() => tell({ inbox, stopped: true }))
}

globalThis.open = {
  EventSource: (url, names, inbox, options) => listen(new EventSource(url, options), names, inbox),
  EventSourcePolyfill: (url, names, inbox) => listen(new EventSourcePolyfill(url), names, inbox),
  fetchEventSource: fetchEvents,
}
