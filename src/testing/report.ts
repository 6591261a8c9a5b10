import type { TestEvent } from './test-event.js'

const shownEvents = 5
const shownCharacters = 100

/** Tells in one line what had come, for the message of an error. */
export function report(left: readonly TestEvent[], text: string): string {
  if (text === '') return 'nothing was received'
  const count = left.length === 1 ? '1 event was left' : `${left.length || 'no'} events were left`
  const events = left.slice(0, shownEvents).map(event => start(JSON.stringify(event)))
  if (left.length > shownEvents) events.push('…')
  const tail = JSON.stringify(text.slice(-shownCharacters))
  return `${[count, ...events].join(' ')}; what was received ends with ${tail}`
}

/** The first characters of a text that may be long. */
export function start(text: string, length = shownCharacters): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
